import RxCrypto
public import RxModel
import RxPosix
import Synchronization

/// The store in memory: the disk store's twin for tests and short-lived servers. It keeps the same rules without SQLite or files.
public final class MemoryStore: Store {
    struct Tag {
        var manifest: Digest
        var createdAt: Int
        var updatedAt: Int
        var seq: Int
    }

    struct State {
        var blobs: [Digest: [UInt8]] = [:]
        var leases: [String: [Digest: Int]] = [:]
        /// The manifests that operations keep, and until when.
        var holds: [String: [Digest: Int]] = [:]
        /// Manifests by registry and repository, in the order they came.
        var manifests: [Repository: [Held]] = [:]
        /// What other digests name.
        var aliases: [ContentDigest: Digest] = [:]
        var uploads: [String: Upload] = [:]
        /// The fronts of blobs that operations left behind.
        var partials: [Digest: [UInt8]] = [:]
        /// Those that an operation has now.
        var taken: Set<Digest> = []
        var tags: [Reference: Tag] = [:]
        /// When what was pinned was.
        var pins: [ManifestPlace: Int] = [:]
        /// When copies were last used.
        var uses: [ManifestPlace: Int] = [:]
        /// Copies of which only some files are here.
        var partial: [ManifestPlace: Partial] = [:]
        /// How many of these there ever were.
        var partialCount = 0
        /// What registries' tags meant when they were last asked, for those copies.
        var partialTags: [Reference: (place: ManifestPlace, seq: Int)] = [:]
        var seq = 0
        var version = 0
    }

    struct Repository: Hashable {
        let registry: String
        let name: String
    }

    /// A manifest in a repository.
    struct Held {
        let artifact: Artifact
        /// Whether nothing but its digest keeps it.
        var byDigest: Bool
        /// Since when it has had no tag; nil while it has one, and when it never had and was not put by its digest alone.
        var untaggedSince: Int?
        /// The other digest that it was put by, when it was.
        var alias: ContentDigest?
        /// The blobs that it names: config and layers, and those that an index lists.
        let blobs: [ContentDigest]

        init(_ artifact: Artifact, listed: [ContentDigest]) {
            self.artifact = artifact
            byDigest = false
            blobs = Array(artifact.blobs.keys) + listed
        }

        var digest: Digest { artifact.digest }
        var tree: Digest { artifact.tree ?? artifact.digest }
    }

    let state = Mutex(State())
    let leaseTime: Int

    /// Makes an empty store whose leases last `leaseTime` seconds.
    public init(leaseTime: Int = 3600) { self.leaseTime = leaseTime }

    public func size(of digest: Digest) throws -> Int {
        guard let bytes = state.withLock({ $0.blobs[digest] }) else { throw RegistryError.blobNotFound(digest) }
        return bytes.count
    }

    public var blobFolder: BlobFolder? { nil }

    public func open(_ digest: Digest) throws -> any ByteSource {
        guard let bytes = state.withLock({ $0.blobs[digest] }) else { throw RegistryError.blobNotFound(digest) }
        return VerifyingSource(BytesSource(bytes), digest: digest, size: bytes.count)
    }

    public func begin() throws -> any StoreOperation { MemoryOperation(store: self) }

    public func begin(in repository: String) throws -> any BlobBatch { MemoryOperation(store: self, repository: repository) }

    public func version() throws -> Int { state.withLock { $0.version } }

    public func resolve(registry: String, repository: String, selector: Selector) throws -> ResourceRecord? {
        state.withLock { state in
            switch selector {
            case .digest(let digest): state.record(Repository(registry: registry, name: repository), digest)
            case .tag(let tag): state.tag(registry, repository, tag).flatMap { state.record($0) }
            }
        }
    }

    public func manifest(of record: ResourceRecord) throws -> ResourceManifest {
        let repository = Repository(registry: record.reference.registry, name: record.reference.repository)
        return try state.withLock { state in
            try record.manifest(artifact: { state.artifact(repository, $0)?.stored }, digest: { state.digest(of: $0) })
        }
    }

    public func search(_ query: SearchQuery) throws -> SearchPage {
        let words = SearchWords(query.text)
        guard words.canMatch else { return SearchPage(records: [], total: 0) }
        let found = state.withLock { state in
            state.tags.keys.filter { query.scope.includes($0.registry) }.compactMap { state.record($0) }
        }.filter { record in
            let locator = record.reference.locator
            let definition = record.definition
            let foreign = definition.type == Definition.foreignType ? record.artifactType ?? "" : ""
            return words.matches(
                [locator.name, locator.path ?? "", definition.description ?? "", definition.type, foreign] + definition.keywords
                    + (record.isResource ? definition.provides.names.map(\.name) : []))
        }.sorted { a, b in
            if a.updatedAt != b.updatedAt { return a.updatedAt > b.updatedAt }
            let left = [a.reference.repository, a.reference.tag, a.reference.registry]
            let right = [b.reference.repository, b.reference.tag, b.reference.registry]
            return left.lexicographicallyPrecedes(right) { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        }
        return SearchPage(records: Array(found.dropFirst(query.offset).prefix(query.limit)), total: found.count)
    }

    public func providers(of module: ModuleName, scope: SearchQuery.Scope, limit: Int) throws -> [ResourceRecord] {
        state.withLock { state in
            let found = state.tags.compactMap { reference, tag -> (record: ResourceRecord, seq: Int)? in
                guard scope.includes(reference.registry), !MemoryStore.State.isAside(reference.tag), let record = state.record(reference),
                    record.isResource, record.definition.provides.modules[module.language]?.contains(module.name) == true
                else { return nil }
                return (record, reference.tag == Locator.latest ? .max : tag.seq)
            }
            let best = Dictionary(grouping: found) {
                Repository(registry: $0.record.reference.registry, name: $0.record.reference.repository)
            }
            .compactMap { $0.value.max { $0.seq < $1.seq }?.record }
            return Array(best.sorted { state.tags[$0.reference]!.seq > state.tags[$1.reference]!.seq }.prefix(limit))
        }
    }

    public func remove(registry: String, repository: String, selector: Selector, sparingPins: Bool) throws -> [Reference] {
        try state.withLock { state in
            let tags: [Reference]
            switch selector {
            case .digest(let digest):
                tags = state.tags.filter { reference, tag in
                    reference.registry == registry && reference.repository == repository
                        && (tag.manifest == digest || state.record(reference)?.tree == digest)
                }.map(\.key).sorted { $0.tag < $1.tag }
            case .tag(let tag):
                tags = state.tag(registry, repository, tag).map { [$0] } ?? []
            }
            if sparingPins, let pinned = tags.first(where: { state.isPinned($0) }) { throw RegistryError.pinned(pinned) }
            for tag in tags { state.removeTag(tag) }
            state.version += 1
            return tags
        }
    }

    public func removeCached(registry: String?) throws -> (removed: Int, pinned: Int, partial: Int) {
        state.withLock { state in
            let copies = state.tags.keys.filter { !$0.registry.isEmpty && (registry == nil || $0.registry == registry) }
            let tags = copies.filter { !state.isPinned($0) }
            for tag in tags { state.removeTag(tag) }
            state.version += 1
            let partial = state.partial.keys.filter { registry == nil || $0.registry == registry }
            for place in partial { state.removePartial(place) }
            return (tags.count, copies.count - tags.count, partial.count)
        }
    }
}

extension MemoryStore.State {
    /// The real tag that a text means; `latest` follows the newest when there is none of that name.
    func tag(_ registry: String, _ repository: String, _ text: String) -> Reference? {
        let exact = Reference(registry: registry, repository: repository, tag: text)
        if tags[exact] != nil { return exact }
        guard text == Locator.latest else { return nil }
        return tags.filter { reference, _ in
            reference.registry == registry && reference.repository == repository && !MemoryStore.State.isAside(reference.tag)
        }.max { $0.value.seq < $1.value.seq }?.key
    }

    /// Whether a tag, named after a digest, lists or signs another manifest.
    static func isAside(_ tag: String) -> Bool { tag.utf8.count >= 71 && (tag.hasPrefix("sha256-") || tag.hasPrefix("sha512-")) }

    func record(_ reference: Reference) -> ResourceRecord? {
        guard let tag = tags[reference], let list = manifests[.init(registry: reference.registry, name: reference.repository)],
            let found = list.first(where: { $0.digest == tag.manifest })
        else { return nil }
        return MemoryStore.record(found.artifact, reference, createdAt: tag.createdAt, updatedAt: tag.updatedAt)
    }

    /// The newest record whose manifest or tree has this digest.
    func record(_ repository: MemoryStore.Repository, _ digest: Digest) -> ResourceRecord? {
        let list = manifests[repository] ?? []
        guard let found = list.last(where: { $0.digest == digest }) ?? newest(list.filter { $0.tree == digest }, repository) else {
            return nil
        }
        if let tag = newestTag(of: found.digest, repository) { return record(tag) }
        let reference = Reference(registry: repository.registry, repository: repository.name, tag: Locator.latest)
        return MemoryStore.record(found.artifact, reference, createdAt: 0, updatedAt: 0)
    }

    private func newest(_ list: [MemoryStore.Held], _ repository: MemoryStore.Repository) -> MemoryStore.Held? {
        list.enumerated().max { a, b in
            let left = newestTag(of: a.element.digest, repository).flatMap { tags[$0]?.seq } ?? 0
            let right = newestTag(of: b.element.digest, repository).flatMap { tags[$0]?.seq } ?? 0
            return (left, a.offset) < (right, b.offset)
        }?.element
    }

    private func newestTag(of manifest: Digest, _ repository: MemoryStore.Repository) -> Reference? {
        tags.filter { $0.key.registry == repository.registry && $0.key.repository == repository.name && $0.value.manifest == manifest }
            .max { $0.value.seq < $1.value.seq }?.key
    }
}

extension MemoryStore {
    static func record(_ artifact: Artifact, _ reference: Reference, createdAt: Int, updatedAt: Int) -> ResourceRecord {
        ResourceRecord(
            reference: reference, manifestDigest: artifact.digest, tree: artifact.tree ?? artifact.digest, mediaType: artifact.mediaType,
            artifactType: artifact.artifactType, size: artifact.size, fileCount: artifact.fileCount, definition: artifact.definition,
            createdAt: createdAt, updatedAt: updatedAt)
    }
}

extension SearchQuery.Scope {
    func includes(_ registry: String) -> Bool {
        switch self {
        case .all: true
        case .own: registry.isEmpty
        case .copied(let host): registry == host
        }
    }
}
