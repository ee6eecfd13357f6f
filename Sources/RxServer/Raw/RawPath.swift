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
    private let readings: [LocatedPath]

    /// Reads a path; escapes are decoded once. Throws `LocatorError` or `ContentError` for one that is neither a locator nor one with a path,
    /// `RegistryError` when there is nothing.
    init(_ request: HTTPRequest, rest: String) throws {
        self.request = request
        prefix = String(decoding: request.path.utf8.dropLast(rest.utf8.count), as: UTF8.self)
        guard !rest.isEmpty else { throw RegistryError("A locator is required", code: .locatorRequired) }
        guard let text = PercentEncoding.decode(rest) else { throw LocatorError("Invalid percent escape", locator: rest) }
        readings = try LocatedPath.readings(of: text)
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

    private func answer(_ reading: LocatedPath, _ resource: RawResource) throws -> RawAnswer {
        switch resource.tree.find(reading.path) {
        case .file(let file) where !reading.isFolder:
            guard reading.isPinned else { return .response(redirect(to: reading, resource, isFolder: false)) }
            return .file(RawFile(resource: resource, file: file, name: reading.path?.lastName ?? ""))
        case .folder(let folder):
            guard reading.isPinned, reading.isFolder else { return .response(redirect(to: reading, resource, isFolder: true)) }
            return .response(try FolderList(resource: resource, asked: reading, folder: folder).answer(to: request))
        default:
            let path = FilePath.quoted((reading.path?.text ?? "") + (reading.isFolder ? "/" : ""))
            throw RegistryError("There is no file or folder \(path) in \(reading.locator)", code: .notFound)
        }
    }

    /// To the name that never changes, or for that of a folder to the one with a slash behind it.
    private func redirect(to reading: LocatedPath, _ resource: RawResource, isFolder: Bool) -> HTTPResponse {
        let locator = reading.isPinned ? reading.locator : resource.pinned
        var target = "\(prefix)\(PercentEncoding.encode(locator.description, keeping: "/:@"))"
        if let path = reading.path { target += "/\(PercentEncoding.encode(path.text, keeping: "/@"))" }
        if isFolder { target += "/" }
        if let query = request.query { target += "?\(query)" }
        var headers = RawPath.headers(for: reading.isPinned ? .list : .redirect)
        headers["Location"] = target
        return HTTPResponse(reading.isPinned ? 301 : 302, headers: headers)
    }

    /// What every answer has. No browser runs what somebody stored, and none takes it for another type than it is sent as.
    static func headers(for kind: Kind) -> HTTPHeaders {
        [
            "Cache-Control": kind == .redirect ? "public, max-age=60" : "public, max-age=31536000, immutable",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": kind == .list ? "sandbox; default-src 'none'" : "sandbox",
        ]
    }
}
