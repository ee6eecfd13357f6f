public import RxModel

/// A tag's full name: whose it is, the repository (`path/name`), and the tag.
public struct Reference: Hashable, Sendable, CustomStringConvertible {
    /// "" for this store's own, else the host it was copied from.
    public let registry: String
    /// Path and name.
    public let repository: String
    /// The tag.
    public let tag: String

    /// Names a tag.
    public init(registry: String = "", repository: String, tag: String) {
        self.registry = registry
        self.repository = repository
        self.tag = tag
    }

    /// Names the tag that a locator means.
    public init(_ locator: Locator) {
        self.init(registry: locator.registry ?? "", repository: locator.repository, tag: locator.tag)
    }

    /// The locator's text.
    public var description: String { locator.description }

    /// The reference as a locator.
    public var locator: Locator {
        let slash = repository.utf8.lastIndex(of: UInt8(ascii: "/"))
        return Locator(
            registry: registry.isEmpty ? nil : registry, path: slash.map { String(repository[..<$0]) },
            name: slash.map { String(repository[repository.utf8.index(after: $0)...]) } ?? repository, tag: tag)
    }
}

/// What picks one resource of a repository.
public enum Selector: Hashable, Sendable {
    /// A tag; `latest` follows the newest when no tag of that name exists.
    case tag(String)
    /// A manifest digest or a tree digest.
    case digest(Digest)

    /// What a locator selects: its digest when it has one, else its tag. Throws `LocatorError` for a shortened digest.
    public init(_ locator: Locator) throws(LocatorError) {
        guard locator.digestPrefix != nil else {
            self = .tag(locator.tag)
            return
        }
        guard let digest = locator.digest else {
            throw LocatorError("A digest must have all 64 digits to be resolved: \(locator)", locator: locator.description)
        }
        self = .digest(digest)
    }
}

/// One stored resource, without its files.
public struct ResourceRecord: Sendable, Equatable {
    /// Where it is stored: for a digest, under the tag that was put last on it, or `latest` when no tag is left.
    public let reference: Reference
    /// The SHA-256 of the manifest's bytes.
    public let manifestDigest: Digest
    /// The tree digest; of an artifact that has none, the manifest's digest.
    public let tree: Digest
    /// The manifest's media type.
    public let mediaType: String
    /// The kind of artifact: that of a resource for one, another for a foreign artifact, nil for an index that does not say.
    public let artifactType: String?
    /// The sum of the files' sizes in bytes.
    public let size: Int
    /// The number of files.
    public let fileCount: Int
    /// What it says of itself.
    public let definition: Definition
    /// When the tag was first put, in seconds since 1970; a re-put keeps it.
    public let createdAt: Int
    /// When the tag was last put, in seconds since 1970.
    public let updatedAt: Int

    /// Where its manifest is.
    public var place: ManifestPlace {
        ManifestPlace(registry: reference.registry, repository: reference.repository, digest: manifestDigest)
    }

    /// Whether it is a resource with one layer a file, and not an artifact of another kind.
    public var isResource: Bool { tree != manifestDigest }

    /// Whether it stands in for a module of its name where nobody says that he provides it: a resource that says nothing of what it provides, or
    /// says that it provides this, where nobody had looked at that. Source: Specs/02-definition, DEF-118.
    public func mayProvide(_ module: ModuleName) -> Bool {
        isResource && (definition.provides.isEmpty || definition.provides.names.contains(module))
    }

    /// Describes a stored resource.
    public init(
        reference: Reference, manifestDigest: Digest, tree: Digest, mediaType: String = MediaType.imageManifest,
        artifactType: String? = MediaType.resource, size: Int, fileCount: Int, definition: Definition, createdAt: Int, updatedAt: Int
    ) {
        self.reference = reference
        self.manifestDigest = manifestDigest
        self.tree = tree
        self.mediaType = mediaType
        self.artifactType = artifactType
        self.size = size
        self.fileCount = fileCount
        self.definition = definition
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }
}

/// What to list or search for.
public struct SearchQuery: Sendable {
    /// Whose resources.
    public enum Scope: Hashable, Sendable {
        case all
        case own
        case copied(from: String)
    }

    /// Words that must all begin a word of name, path, description, keywords, type or a provided module; empty finds everything.
    public var text: String
    /// Whose resources are looked through.
    public var scope: Scope
    /// At most this many results.
    public var limit: Int
    /// How many to skip.
    public var offset: Int

    /// Asks for a page of results.
    public init(text: String = "", scope: Scope = .all, limit: Int = 100, offset: Int = 0) {
        self.text = text
        self.scope = scope
        self.limit = limit
        self.offset = offset
    }
}

/// A page of results.
public struct SearchPage: Sendable {
    /// The results on this page.
    public let records: [ResourceRecord]
    /// How many there are in all.
    public let total: Int

    /// Makes a page.
    public init(records: [ResourceRecord], total: Int) {
        self.records = records
        self.total = total
    }
}
