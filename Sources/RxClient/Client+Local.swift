import RxCrypto
import RxHTTP
public import RxModel
import RxPosix
import RxSource
public import RxStore

extension Client {
    /// Adds a folder, or another source, to the local store. Throws what the source, its detectors and the store throw.
    public func add(_ text: String) throws -> ResourceAdder.Outcome {
        let stampedAt = Clock.nanoseconds
        // A folder's files stay where they are until they are added; only what comes from elsewhere is staged while it is loaded.
        var begun: (any StoreOperation)?
        func operation() throws -> any StoreOperation {
            if let begun { return begun }
            progress.begin("adding", total: nil)
            let operation = try store.begin()
            begun = operation
            return operation
        }
        defer { progress.end() }
        let source = try sources.load(text) { content in
            let blob = try operation().stage(MeteredSource(content, progress), expecting: nil)
            return (blob.digest, blob.size)
        }
        switch source.content {
        case .folder(let entries, let folder):
            return try ResourceAdder(store: store, progress: progress).add(
                entries, in: folder, definition: source.definition, stampedAt: stampedAt)
        case .staged(let files):
            let manifest = try ResourceManifest(definition: source.definition, files: files)
            let record = try operation().commit(manifest, as: Reference(source.definition.locator))
            return ResourceAdder.Outcome(record: record, unchanged: 0)
        }
    }

    /// Gives `body` a resource, found as `find` finds it, whose blobs stay until it ends, also when its name is put anew and a
    /// collection runs. What went away between finding and holding is found once more.
    public func reading<Value>(_ locator: Locator, _ body: (ResourceRecord, ResourceManifest) throws -> Value) throws -> Value {
        try reading({ try find(locator) }, body)
    }

    /// The same for what another function finds.
    func reading<Value>(_ find: () throws -> ResourceRecord, _ body: (ResourceRecord, ResourceManifest) throws -> Value) throws -> Value {
        let held = try findingAgain(find) { try HeldResource($0, in: store) }
        defer { held.operation.cancel() }
        return try body(held.record, held.manifest)
    }

    /// Gives `body` a resource, found as `find` finds it, and holds nothing: when some of it goes away meanwhile, it is found and `body`
    /// runs once more. For a short look, such as opening a few of very many files, that shows nothing before it ends.
    public func looking<Value>(at locator: Locator, _ body: (ResourceRecord, ResourceManifest) throws -> Value) throws -> Value {
        try findingAgain({ try find(locator) }) { try body($0, try store.manifest(of: $0)) }
    }

    /// Runs `use` with what `find` gives, and once more when that went away meanwhile.
    func findingAgain<Value>(_ find: () throws -> ResourceRecord, _ use: (ResourceRecord) throws -> Value) throws -> Value {
        let record = try find()
        do { return try use(record) } catch let error as RegistryError where error.code == .resourceNotFound || error.code == .blobUnknown {
            return try use(try find())
        }
    }

    /// What is stored under a locator here; nil when nothing is. Throws `LocatorError` for a shortened digest.
    public func local(_ locator: Locator) throws -> ResourceRecord? {
        try store.resolve(registry: host(of: locator), repository: locator.repository, selector: try Selector(locator))
    }

    /// Removes a tag, or every tag of a digest. Throws `RegistryError` when there is none, and where the manifest is pinned unless
    /// `evenPinned`: then the tag goes, and the pin stays.
    public func remove(_ locator: Locator, evenPinned: Bool = false) throws -> [Reference] {
        let removed = try store.remove(
            registry: host(of: locator), repository: locator.repository, selector: try Selector(locator), sparingPins: !evenPinned)
        guard !removed.isEmpty else { throw try notFound(locator) }
        return removed
    }

    /// Links a folder to the locator that it defines, and gives both.
    public mutating func link(_ text: String) throws -> (locator: Locator, folder: String) {
        guard isFolderText(text) else { throw ContentError.cannotLoad(text, hint: "write the folder as ./\(text)") }
        let source = try FolderSource().load(FolderSource.open(text), source: text)
        guard case .folder(_, let folder) = source.content else { throw ContentError.cannotLoad(text) }
        let locator = source.definition.locator
        try links.link(locator, to: folder.path)
        return (locator, folder.path)
    }

    /// Ends the link of a locator. Throws `RegistryError` when there is none.
    public mutating func unlink(_ locator: Locator) throws { try links.unlink(locator) }

    /// The folder that a locator is linked to; nil when it is not linked.
    public func linkedFolder(_ locator: Locator) -> String? { links.folder(for: locator) }

    /// The host that a locator's copies are stored under; "" for a bare one.
    func host(of locator: Locator) throws -> String { try locator.registry.map { try registry(forHost: $0).authority } ?? "" }

    /// The error for a locator that is nowhere, with the hosts that it was copied from.
    func notFound(_ locator: Locator) throws -> RegistryError {
        guard locator.registry == nil else { return RegistryError.notFound(locator.description) }
        let namesakes = try store.search(SearchQuery(text: locator.name, limit: 1000)).records.map(\.reference)
        let hosts = Set(
            namesakes.filter { !$0.registry.isEmpty && $0.repository == locator.repository }.map { "\($0.registry)/\(locator)" }
        ).sorted()
        guard hosts.isEmpty else {
            return RegistryError(
                "Resource not found: \(locator) (a copy is here as \(hosts.joined(separator: ", ")))", code: .resourceNotFound)
        }
        let near = namesakes.first { $0.locator.name == locator.name }
        return RegistryError.notFound(
            locator.description, hint: near.map { "did you mean \($0)?" } ?? "rx list shows what is here, rx search what registries have")
    }
}

/// A stored resource whose blobs are leased to an operation.
private struct HeldResource {
    let record: ResourceRecord
    let manifest: ResourceManifest
    let operation: any StoreOperation

    /// Throws `RegistryError` when the manifest or one of its blobs is no longer there.
    init(_ record: ResourceRecord, in store: some Store) throws {
        self.record = record
        manifest = try store.manifest(of: record)
        operation = try store.begin()
        let wanted = record.isResource ? manifest.blobs : try HeldResource.blobs(of: record, manifest, in: store)
        let present = try operation.lease(wanted)
        if present.count < wanted.count, let lost = wanted.keys.filter({ !present.contains($0) }).min() {
            let missing = RegistryError.blobNotFound(lost)
            throw RegistryError(
                missing.message, code: missing.code,
                hint: "it is missing or damaged here: rx verify --repair fetches it again, else rx add or rx pull the resource")
        }
    }

    /// Every blob of a foreign artifact: what it shows as files, and what else its manifests name.
    private static func blobs(of record: ResourceRecord, _ manifest: ResourceManifest, in store: some Store) throws -> [Digest: Int] {
        let origin = LocalOrigin(store: store, registry: record.reference.registry, repository: record.reference.repository)
        guard let stored = try origin.artifact(.digest(.sha256(record.manifestDigest))) else {
            throw RegistryError.notFound(record.reference.description)
        }
        let read = try ReadManifest(stored, of: record.reference.description)
        var blobs = Dictionary(manifest.files.map { ($0.digest, $0.size) }) { first, _ in first }
        for blob in try ArtifactSet(read, from: origin).all.blobs { if let digest = blob.digest.sha256 { blobs[digest] = blob.size } }
        return blobs
    }
}
