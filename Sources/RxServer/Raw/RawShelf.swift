package import RxHTTP
package import RxModel

/// Where the files come from that are served by `/r/<locator>/<file path>`: a registry's store, or a client that fetches what is not here.
/// Source: Specs/06-http, API-067.
package protocol RawShelf: Sendable {
    /// The resource of a locator; nil when there is none. A path without a tag has several readings, so this may be asked for several
    /// locators, the longest first. Throws `LocatorError` for a shortened digest, and what hinders it.
    func resource(_ locator: Locator) throws -> RawResource?

    /// The bytes of a file of a resource that this shelf gave; whoever sends them need not check them. May wait until they are here.
    func body(of file: ResourceFile, in resource: RawResource) throws -> HTTPResponse.Body
}

/// A resource whose files are served one by one.
package struct RawResource: Sendable {
    /// Its name with the manifest's digest, under which it never changes.
    package let pinned: Locator
    /// The SHA-256 of the manifest's bytes.
    package let digest: Digest
    /// Its files.
    package let tree: ResourceTree
    /// Whether its files follow from its manifest alone; those of another artifact depend on what else the repository has.
    package let isFixed: Bool

    /// Describes a resource; `locator` is any of its names.
    package init(locator: Locator, digest: Digest, tree: ResourceTree, isFixed: Bool = true) {
        self.isFixed = isFixed
        pinned = locator.tagged(Locator.latest).pinned(to: digest)
        self.digest = digest
        self.tree = tree
    }
}

/// What becomes of a request below `/r/`.
package enum RawAnswer: Sendable {
    /// The answer is known: a redirect, a list of a folder.
    case response(HTTPResponse)
    /// A file is to be sent.
    case file(RawFile)
}

extension RawShelf {
    /// The answer to a GET or HEAD, waited for; `rest` is what follows `/r/` in the request's path. Throws `LocatorError`, `ContentError` and
    /// `RegistryError` for what is not there.
    package func answer(to request: HTTPRequest, rest: String) throws -> HTTPResponse {
        switch try RawPath(request, rest: rest).look(in: self) {
        case .response(let response): return response
        case .file(let file):
            if let unchanged = file.unchanged(for: request) { return unchanged }
            return file.response(to: request, try body(of: file.file, in: file.resource))
        }
    }
}
