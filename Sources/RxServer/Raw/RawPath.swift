import RxHTTP
import RxModel

/// What follows `/r/` in a path. Source: Specs/06-http, API-067 to API-079.
struct RawPath {
    /// What an answer is about.
    enum Kind {
        /// Bytes that somebody put into a resource.
        case file
        /// A list of a folder.
        case list
        /// Where what was asked for is at the moment.
        case redirect
    }

    private let request: HTTPRequest
    /// What is in front of the locator.
    private let prefix: String
    private let readings: [LocatorPath]

    /// Reads a path; escapes are decoded once. Throws `LocatorError` or `ContentError` for one that is neither a locator nor one with a path,
    /// `RegistryError` when there is nothing.
    init(_ request: HTTPRequest, rest: String) throws {
        self.request = request
        prefix = String(decoding: request.path.utf8.dropLast(rest.utf8.count), as: UTF8.self)
        guard !rest.isEmpty else { throw RegistryError("A locator is required", code: .locatorRequired) }
        guard let text = PercentEncoding.decode(rest) else { throw LocatorError("Invalid percent escape", locator: rest) }
        readings = try LocatorPath.readings(of: text)
    }

    /// Finds what the path means: the reading with the longest locator that there is a resource of. Throws `RegistryError` when there is none,
    /// or nothing at its path.
    func look(in shelf: some RawShelf) throws -> RawAnswer {
        var problem: LocatorError?
        for reading in readings {
            do {
                guard let resource = try shelf.resource(reading.locator) else { continue }
                return try answer(reading, resource)
            } catch let error as LocatorError { problem = error }
        }
        if let problem { throw problem }
        throw RegistryError.resourceNotFound
    }

    private func answer(_ reading: LocatorPath, _ resource: RawResource) throws -> RawAnswer {
        switch resource.tree.find(reading.path) {
        case .file(let file) where !reading.isFolder:
            guard RawPath.isPinned(reading.locator, resource) else { return .response(redirect(to: reading, resource, isFolder: false)) }
            return .file(RawFile(resource: resource, file: file, name: reading.path?.lastName ?? ""))
        case .folder(let folder):
            guard RawPath.isPinned(reading.locator, resource), reading.isFolder else {
                return .response(redirect(to: reading, resource, isFolder: true))
            }
            return .response(try FolderList(resource: resource, asked: reading, folder: folder).answer(to: request))
        default:
            let path = FilePath.quoted((reading.path?.text ?? "") + (reading.isFolder ? "/" : ""))
            throw RegistryError("There is no file or folder \(path) in \(reading.locator)", code: .notFound)
        }
    }

    /// Whether a locator itself says which manifest is meant: by its digest, or by a full version, whose publisher vouches for it. A tree's
    /// digest does not: other manifests may have the same tree, with other symlinks.
    private static func isPinned(_ locator: Locator, _ resource: RawResource) -> Bool {
        guard locator.digestPrefix == nil else { return locator.digest == resource.digest }
        return SemanticVersion.isFull(locator.tag)
    }

    /// To the name of the manifest, or for such a name of a folder to the one with a slash behind it.
    private func redirect(to reading: LocatorPath, _ resource: RawResource, isFolder: Bool) -> HTTPResponse {
        let isPinned = RawPath.isPinned(reading.locator, resource)
        let locator = isPinned ? reading.locator : resource.pinned
        var target = "\(prefix)\(PercentEncoding.encode(locator.description, keeping: "/:@"))"
        if let path = reading.path { target += "/\(PercentEncoding.encode(path.text, keeping: "/@"))" }
        if isFolder { target += "/" }
        if let query = request.query { target += "?\(query)" }
        let lasts = isPinned && resource.isFixed
        var headers = RawPath.headers(for: isPinned ? .list : .redirect, lasts: lasts)
        headers["Location"] = target
        return HTTPResponse(lasts ? 301 : 302, headers: headers)
    }

    /// What every answer has; one that `lasts` never changes. No browser runs what somebody stored, and none takes it for another type than
    /// it is sent as.
    static func headers(for kind: Kind, lasts: Bool) -> HTTPHeaders {
        [
            "Cache-Control": lasts ? "public, max-age=31536000, immutable" : "public, max-age=60",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": kind == .list ? "sandbox; default-src 'none'" : "sandbox",
        ]
    }
}
