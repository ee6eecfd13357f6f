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
        .text("raw", longest: 400) { try checkRaw($0) },
        .text("module", longest: 300) { text in
            guard let module = try? ModuleName(parsing: text) else { return }
            try must("\(module)".utf8.elementsEqual(text.utf8), "\(text) is read as \(module)")
            let again = try accepted("\(module), by its parts,") { try ModuleName(language: module.language, name: module.name) }
            try must(again == module, "\(module) is read as \(again)")
            let provides = try accepted("\(module) in a definition") {
                try Provides(.object([module.language: .array([.string(module.name)])]))
            }
            try must(provides.names == [module], "\(module) is provided as \(provides.names)")
            try must(!text.unicodeScalars.contains { $0.properties.generalCategory == .control }, "\(module) has a control character")
            guard let namesake = module.namesake else { return }
            try must(namesake.registry == nil && namesake.tag == Locator.latest, "\(module) has the name \(namesake)")
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

    /// The path behind `/r/`: every reading is the same text, its path stays inside, and what is written of it is read as the same.
    private static func checkRaw(_ text: String) throws {
        guard let decoded = PercentEncoding.decode(text), let readings = try? LocatorPath.readings(of: decoded) else { return }
        try must(!readings.isEmpty, "\(text) has no reading and is not refused")
        var last = Int.max
        for reading in readings {
            let path = reading.path?.text ?? ""
            for part in path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) where reading.path != nil {
                try must(!part.isEmpty && !part.elementsEqual("..".utf8) && !part.elementsEqual(".".utf8), "\(text) leads to \(path)")
            }
            let length = decoded.utf8.count - path.utf8.count - (reading.isFolder ? 1 : 0)
            try must(length < last || readings.count == 1, "\(text) has a longer reading behind a shorter one")
            last = length
            // A tag ends the locator also where the path goes on with what could be one.
            let isBare = reading.locator.tag == Locator.latest && reading.locator.digestPrefix == nil
            // Which may be too much for a long one.
            guard !isBare || reading.locator.repository.utf8.count < 200 else { continue }
            let named = "\(reading.locator)" + (isBare ? ":\(Locator.latest)" : "")
            let written = named + (reading.path.map { "/\($0)" } ?? "") + (reading.isFolder ? "/" : "")
            let again = try accepted("\(written), as written again,") { try LocatorPath.readings(of: written) }
            try must(again.contains(reading), "\(written) is not read as \(text)")
        }
    }

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
        try checkResourceTree(manifest)
        let links = manifest.files.compactMap { file in file.symlink.map { (Array(file.path.text.utf8), Array($0.utf8)) } }
        let resolution = Resolution(Dictionary(uniqueKeysWithValues: links))
        for (path, _) in links {
            try must(resolution.staysInside(path), "\(String(decoding: path, as: UTF8.self)) leads out of its root")
        }
    }
}

extension FuzzTarget {
    /// What a tree leads to is in it, and its lists have each name once and, page by page, the same.
    private static func checkResourceTree(_ manifest: ResourceManifest) throws {
        let tree = ResourceTree(manifest)
        var folders: [FilePath?] = [nil]
        var count = 0
        while let folder = folders.popLast() {
            let (entries, isMore) = tree.entries(in: folder, limit: 1000)
            try must(!isMore && !entries.isEmpty, "a list of \(folder?.text ?? "the root") ends early")
            var last: String?
            for entry in entries {
                let page = tree.entries(in: folder, after: last, limit: 1)
                try must(page.entries == [entry], "\(entry.name) does not come behind \(last ?? "nothing")")
                last = entry.name
                let prefix = folder.map { "\($0.text)/" } ?? ""
                switch entry {
                case .folder(let name): folders.append(FilePath(unchecked: prefix + name))
                case .file(let name, let file):
                    count += 1
                    try must(file.path.text.utf8.elementsEqual((prefix + name).utf8), "\(file.path) is listed as \(prefix + name)")
                    switch tree.find(file.path) {
                    case .file(let found)?:
                        try must(manifest.files.contains(found) && found.symlink == nil, "\(file.path) leads to \(found.path)")
                        try must(file.symlink != nil || found == file, "\(file.path) leads to another file")
                    case .folder?, nil: try must(file.symlink != nil, "\(file.path) is not found")
                    }
                }
            }
        }
        try must(count == manifest.files.count, "\(count) of \(manifest.files.count) files are listed")
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
