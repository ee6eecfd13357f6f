import RxHTTP
public import RxModel
import RxProtocol
import RxStore

extension DistributionClient {
    /// Every tag of a repository, in the registry's order. Throws `RegistryError` "Repository not found" when there is none.
    public func tags(of repository: String) throws -> [String] {
        let what = "list the tags of \(repository)"
        var tags: [String] = []
        var pages = Pages(DistributionPath.tags(repository, count: limits.pageCount))
        while let path = pages.path {
            let (head, body) = try answer(request("GET", path, headers: DistributionClient.json), to: what, limit: limits.page)
            if head.status == 404 { throw RegistryError("Repository not found: \(registry.authority)/\(repository)", code: .nameUnknown) }
            guard head.status == 200 else { throw refusal(head, body, to: what) }
            tags += try names(body, "tags", what)
            guard tags.count <= limits.names else { throw broken(what, "it lists more than \(limits.names) names") }
            try advance(&pages, head, body.count, what)
        }
        return tags
    }

    /// At most `limit` names of repositories, in the registry's order. Throws `RegistryError` (`unsupported`) where the registry does not
    /// list them.
    public func repositories(limit: Int) throws -> [String] {
        guard limit > 0 else { return [] }
        let what = "list its repositories"
        var found: [String] = []
        var pages = Pages(DistributionPath.catalog(count: min(limit, limits.pageCount)))
        while let path = pages.path, found.count < limit {
            let (head, body) = try answer(request("GET", path, headers: DistributionClient.json), to: what, limit: limits.page)
            if [404, 405, 501].contains(head.status) {
                throw RegistryError("\(registry) does not list its repositories", code: .unsupported)
            }
            guard head.status == 200 else { throw refusal(head, body, to: what) }
            found += try names(body, "repositories", what)
            try advance(&pages, head, body.count, what)
        }
        return Array(found.prefix(limit))
    }

    /// What refers to a manifest, of one type when `artifactType` is given; each referrer once. A registry that does not list referrers
    /// itself may have the list under its tag.
    public func referrers(_ repository: String, of digest: ContentDigest, artifactType: String? = nil) throws -> [Descriptor] {
        var found = try ownReferrers(repository, of: digest, artifactType: artifactType)
        if found == nil { found = try manifest(repository, .tag(digest.referrersTag)).flatMap { ReferrersList($0) }?.descriptors }
        return (found ?? []).filter { artifactType == nil || $0.artifactType == artifactType }
    }

    /// What the registry lists itself; nil when it does not list referrers.
    func ownReferrers(_ repository: String, of digest: ContentDigest, artifactType: String?) throws -> [Descriptor]? {
        let what = "list what refers to \(repository)@\(digest)"
        var found: [Descriptor] = []
        var seen: Set<ContentDigest> = []
        var pages = Pages(DistributionPath.referrers(repository, digest, artifactType: artifactType))
        while let path = pages.path {
            let asked = request("GET", path, headers: ["Accept": MediaType.imageIndex])
            let (head, body) = try answer(asked, to: what, limit: limits.page)
            let type = head.headers["Content-Type"] ?? ""
            if found.isEmpty, [400, 404, 405].contains(head.status) || head.status == 200 && type.hasPrefix("text/") { return nil }
            guard head.status == 200 else { throw refusal(head, body, to: what) }
            guard let entries = (try? JSON(parsing: body))?["manifests"]?.array else { throw broken(what, "it sent no index") }
            for entry in entries {
                // One whose digest is of an unknown algorithm cannot be asked for either.
                guard let descriptor = try? Descriptor(json: entry, in: "manifests") else { continue }
                if seen.insert(descriptor.digest).inserted { found.append(descriptor) }
            }
            guard found.count <= limits.names else { throw broken(what, "it lists more than \(limits.names) referrers") }
            try advance(&pages, head, body.count, what)
        }
        return found
    }

    /// The longest name of a repository or tag that there can be. Source: OCI distribution spec v1.1, "Pulling manifests".
    private static let nameLimit = 255
    private static let json: HTTPHeaders = ["Accept": "application/json"]

    /// The texts of a list; a registry without any may write null.
    private func names(_ body: [UInt8], _ key: String, _ what: String) throws -> [String] {
        guard let json = try? JSON(parsing: body), json.object != nil else { throw broken(what, "it sent no JSON object") }
        guard let value = json[key], value != .null else { return [] }
        guard let list = value.array else { throw broken(what, "\(key) is not an array") }
        return list.compactMap(\.string).filter { $0.utf8.count <= DistributionClient.nameLimit }
    }

    private func advance(_ pages: inout Pages, _ head: ResponseHead, _ count: Int, _ what: String) throws {
        guard pages.count(count) else { throw broken(what, "its list has more than \(Pages.bytesLimit) bytes") }
        let url = try WebURL(head.url)
        guard pages.advance(LinkHeader.next(head.headers).flatMap { try? url.following($0) }.map(\.target), base: registry.base) else {
            throw broken(what, "its pages do not end")
        }
    }
}

/// The pages of a list, one after the other.
struct Pages {
    /// The path of the next page; nil behind the last.
    private(set) var path: String?
    private var seen: Set<String> = []
    private var bytes = 0
    /// The most pages of one list.
    private static let limit = 10_000
    /// The most bytes of all pages of one list.
    static let bytesLimit = 64 << 20

    init(_ first: String) {
        path = first
        seen = [first]
    }

    /// Counts the bytes of a page. False when the list is too long.
    mutating func count(_ more: Int) -> Bool {
        bytes += more
        return bytes <= Pages.bytesLimit
    }

    /// Goes on to the page that a link names, by its path and query alone: every page is the same registry's, whatever name it gives
    /// itself. False when that page was read already.
    mutating func advance(_ target: String?, base: String) -> Bool {
        guard let target else {
            path = nil
            return true
        }
        path = !base.isEmpty && target.hasPrefix(base + "/") ? String(target.dropFirst(base.count)) : target
        return seen.count < Pages.limit && seen.insert(path ?? "").inserted
    }
}
