import RxModel

@testable import RxClient
@testable import RxHTTP
@testable import RxServer
@testable import RxSource

extension FuzzTarget {
    /// Names of things, as people and programs write them.
    static let names: [FuzzTarget] = [
        .text("locator", longest: 400) { text in
            guard let locator = try? Locator(parsing: text) else { return }
            let written = locator.description
            let again = try accepted("\(written), as written again,") { try Locator(parsing: written) }
            try must(again == locator && again.description.utf8.elementsEqual(written.utf8), "\(written) is read as \(again)")
            for part in locator.repository.split(separator: "/", omittingEmptySubsequences: false) {
                try must(part != "." && part != ".." && !part.isEmpty, "\(written) has a part that moves")
            }
            try must(LocatorGrammar.isTag(locator.tag), "\(written) has no tag")
            try must(locator.digestPrefix.map { 1...64 ~= $0.utf8.count } ?? true, "\(written) has a digest that is none")
            try must(!written.utf8.contains { $0 <= 0x20 || $0 == 0x7F }, "\(written) has a space")
        },
        .text("path", longest: 400) { text in
            let bytes = Array(text.utf8)
            let parts = bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            let isGood =
                bytes.count <= FilePath.lengthLimit && !bytes.contains(0) && !bytes.contains(0x0A)
                && parts.allSatisfy {
                    1...FilePath.segmentLimit ~= $0.count && !$0.elementsEqual(".".utf8) && !$0.elementsEqual("..".utf8)
                }
            let path = try? FilePath(parsing: text)
            try must((path != nil) == isGood, "\(FilePath.quoted(text)) is \(isGood ? "refused" : "accepted")")
            guard let path else { return }
            let joined = path.parent.map { "\($0)/\(path.lastName)" } ?? path.lastName
            try must(joined.utf8.elementsEqual(bytes), "\(path) is not its parts")
            try must(path.segments.joined(separator: "/").utf8.elementsEqual(bytes), "\(path) is not its segments")
        },
        FuzzTarget("tree", longest: 400) { try checkTree(Input($0)) },
        .text("query", longest: 200) { text in
            let request = HTTPRequest(method: "GET", target: text)
            try must(!request.path.utf8.contains(UInt8(ascii: "?")), "a path has a query")
            if let items = request.queryItems {
                let again = items.map { "\(PercentEncoding.encode($0.name))=\(PercentEncoding.encode($0.value))" }.joined(separator: "&")
                try must(HTTPRequest(method: "GET", target: "/?" + again).queryItems == items, "\(items) is read as another query")
            }
            let escaped = PercentEncoding.encode(text)
            try must(PercentEncoding.decode(escaped)?.utf8.elementsEqual(text.utf8) == true, "\(escaped) is not read back")
            if let path = RxServer.DistributionPath(request.path) {
                let written = path.written
                try must(RxServer.DistributionPath(written) == path, "\(path) is not what \(written) means")
            }
        },
        .text("url", longest: 300) { text in
            if let url = try? RegistryURL(parsing: text) {
                let again = try accepted("\(url), as written again,") { try RegistryURL(parsing: url.description) }
                try must(again == url, "\(url) is read as \(again)")
                try must(
                    CredentialStore.key(url.authority) == url.authority || url.port != nil || url.scheme == .http, "\(url) has two keys")
            }
            if let url = try? WebURL(text) {
                try must(url.scheme == "http" || url.scheme == "https", "\(url.text) is no web address")
                let again = try accepted(url.text) { try WebURL(url.text) }
                try must(again.origin == url.origin, "\(url.text) leads to \(again.origin)")
                _ = AccessKind("GET", url)
                if let place = UploadPlace(text, answeredBy: "https://registry.example.com/v2/x/blobs/uploads/") {
                    try must(place.url.scheme == "https", "\(text) leaves https")
                }
            }
            _ = try? WebURL("https://registry.example.com/v2/").following(text)
            _ = GitHubSource { _ in BytesSource([]) }.accepts(text)
        },
    ]

    /// Reads lines `path [TAB symlink's target]`: a tree that is accepted stays inside its root.
    private static func checkTree(_ input: Input) throws {
        var input = input
        var files: [ResourceFile] = []
        var number: UInt8 = 0
        while !input.rest.isEmpty, files.count < 100 {
            let halves = input.line().split(separator: "\t", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard let path = try? FilePath(parsing: halves[0]) else { continue }
            number &+= 1
            let digest = Digest(bytes: [UInt8](repeating: number, count: 32))!
            let target = halves.count > 1 ? halves[1] : nil
            files.append(
                ResourceFile(
                    path: path, digest: digest, size: target?.utf8.count ?? 7, executable: target == nil && number % 2 == 0, symlink: target
                ))
        }
        guard let definition = try? Definition(.members(["name": "tree", "type": "text"])),
            let tree = Digest(bytes: [UInt8](repeating: 0, count: 32)),
            let manifest = try? ResourceManifest(definition: definition, files: files, tree: tree)
        else { return }
        let again = try accepted("its own manifest") { try ResourceManifest(parsing: manifest.bytes) }
        try must(again == manifest, "a manifest is read as another")
        let links = manifest.files.compactMap { file in file.symlink.map { (Array(file.path.text.utf8), Array($0.utf8)) } }
        let resolution = Resolution(Dictionary(uniqueKeysWithValues: links))
        for (path, _) in links {
            try must(resolution.staysInside(path), "\(String(decoding: path, as: UTF8.self)) leads out of its root")
        }
    }
}

/// Follows symlinks as a kernel does, one name at a time from the root. Names are bytes, as they are there: to `String`, a slash and a
/// mark that combines with it are one character, and two spellings of a name are one name.
private struct Resolution {
    private let targets: [[UInt8]: [UInt8]]

    init(_ targets: [[UInt8]: [UInt8]]) { self.targets = targets }

    func staysInside(_ path: [UInt8]) -> Bool {
        let slash = UInt8(ascii: "/")
        var folder: [ArraySlice<UInt8>] = []
        var left = path.split(separator: slash)
        var follows = 0
        while !left.isEmpty {
            let name = left.removeFirst()
            if name.elementsEqual(".".utf8) { continue }
            if name.elementsEqual("..".utf8) {
                if folder.isEmpty { return false }
                folder.removeLast()
                continue
            }
            guard let target = targets[Array((folder + [name]).joined(separator: [slash]))] else {
                folder.append(name)
                continue
            }
            follows += 1
            if follows > 40 || target.first == slash { return false }
            left = target.split(separator: slash) + left
        }
        return true
    }
}

extension RxServer.DistributionPath {
    /// The path that means this.
    fileprivate var written: String {
        func path(_ repository: String, _ rest: String) -> String {
            "/v2/" + PercentEncoding.encode(repository, keeping: "/") + "/" + rest
        }
        return switch self {
        case .base: "/v2/"
        case .catalog: "/v2/_catalog"
        case .tags(let repository): path(repository, "tags/list")
        case .manifest(let repository, let reference): path(repository, "manifests/" + PercentEncoding.encode(reference))
        case .blob(let repository, let digest): path(repository, "blobs/" + PercentEncoding.encode(digest))
        case .uploads(let repository): path(repository, "blobs/uploads/")
        case .upload(let repository, let name): path(repository, "blobs/uploads/" + PercentEncoding.encode(name))
        case .referrers(let repository, let digest): path(repository, "referrers/" + PercentEncoding.encode(digest))
        }
    }
}
