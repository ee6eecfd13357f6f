public import RxModel

/// Reads blobs by digest.
public protocol BlobReader: Sendable {
    /// Where the blobs are files; nil when they are not.
    var blobFolder: BlobFolder? { get throws }

    /// The blob's length in bytes. Throws `RegistryError` "Blob not found" when there is none, or its file has another length.
    func size(of digest: Digest) throws -> Int

    /// The blob's bytes. The source throws `ContentError` in place of the end when they do not hash to `digest`.
    func open(_ digest: Digest) throws -> any ByteSource
}

/// Starts operations that add to the store.
public protocol BlobWriter: Sendable {
    /// Starts one operation (an add, a pull, a publish). What it puts or finds is leased to it until it commits, is cancelled, or
    /// its lease time ends.
    func begin() throws -> any StoreOperation
}

/// Stages blobs, and publishes them in batches. Source: Specs/05-store.
///
/// Safe to call from several threads. One that is released is cancelled.
public protocol BlobBatch: AnyObject, Sendable {
    /// Writes the source aside, hashing it. Throws `ContentError` when `expecting` is given and differs; nothing is kept then.
    func stage(_ source: any ByteSource, expecting: Digest?) throws -> StagedBlob

    /// Makes every staged blob durable, present and leased.
    func publish() throws

    /// Those of `blobs` (digest and length) that are present with that length; each is leased from here on.
    func lease(_ blobs: [Digest: Int]) throws -> Set<Digest>

    /// Drops what is staged, and an operation's leases; what was published and nobody leases becomes garbage.
    func cancel()
}

/// One operation: publishes blobs that are leased to it, and commits a manifest that names them.
public protocol StoreOperation: BlobBatch {
    /// Stages bytes that are in memory, once they prove to have this digest. `use` runs before anybody else can have them, with the path of
    /// their file; nil where blobs are no files. Throws `ContentError` for other bytes, and makes nothing of them.
    func stage(_ bytes: UnsafeRawBufferPointer, as digest: Digest, use: (_ file: String?) -> Void) throws -> StagedBlob

    /// Keeps a stored resource and every blob that it names from collections until the operation ends, also when its tags go; what
    /// they are is not looked at. Throws `RegistryError` "Resource not found" when it is gone already.
    func hold(_ record: ResourceRecord) throws

    /// Takes over those of `wanted` (digest and length) that operations whose process died had staged: each is hashed, and staged by this
    /// operation from here on. Gives what was found. What is not wanted stays for others, and for the collection.
    func salvage(_ wanted: [Digest: Int]) throws -> Set<Digest>

    /// What an earlier operation received of a long blob before it was cut off, to go on with; nil while another operation has it.
    func partial(_ digest: Digest, size: Int) throws -> (any PartialBlob)?

    /// Publishes what is still staged, then makes the manifest visible under the reference, in one step: all or nothing.
    /// Throws `RegistryError` when a blob that it names is absent.
    func commit(_ manifest: ResourceManifest, as reference: Reference) throws -> ResourceRecord

    /// The same for manifests of any kind, all in one step: the last one goes under the reference, those before it are the ones that it
    /// lists or that refer to it. `names` are other digests of blobs and manifests among them, which are known from then on.
    func commit(_ artifacts: [Artifact], as reference: Reference, names: [ContentDigest: Digest]) throws -> ResourceRecord
}

extension StoreOperation {
    /// Stages where blobs are no files that others could use.
    public func stage(_ bytes: UnsafeRawBufferPointer, as digest: Digest, use: (_ file: String?) -> Void) throws -> StagedBlob {
        let blob = try stage(BytesSource(Array(bytes)), expecting: digest)
        use(nil)
        return blob
    }

    /// Those of `blobs` (digest and length) that are present or were taken over from operations whose process died.
    public func leaseOrSalvage(_ blobs: [Digest: Int]) throws -> Set<Digest> {
        let present = try lease(blobs)
        return try present.union(salvage(blobs.filter { !present.contains($0.key) }))
    }
}

/// The front of a blob that comes in several pieces, perhaps to several processes one after another. Used by one thread. What was
/// appended is kept, as far as the store can, when this is released before `finish`.
public protocol PartialBlob: AnyObject {
    /// How many bytes are here.
    var offset: Int { get }

    /// Takes the next bytes. Throws `ContentError` for more than the blob has.
    func append(_ bytes: UnsafeRawBufferPointer) throws

    /// Stages the blob. Throws `ContentError` (`digestInvalid`) when what is here is another one, and begins anew at 0.
    func finish() throws
}

/// What `stage` wrote.
public struct StagedBlob: Sendable, Hashable {
    /// The SHA-256 of the bytes.
    public let digest: Digest
    /// Their number.
    public let size: Int

    /// Describes a staged blob.
    public init(digest: Digest, size: Int) {
        self.digest = digest
        self.size = size
    }
}

/// Finds resources by name.
public protocol ResourceReader: Sendable {
    /// The resource that a repository's tag, or a manifest or tree digest in it, names; nil when there is none.
    ///
    /// `registry` is "" for what belongs to this store, or the host a copy came from. The tag `latest` means the tag of that name,
    /// else the tag put last.
    func resolve(registry: String, repository: String, selector: Selector) throws -> ResourceRecord?

    /// The manifest of a record, with its files: for a foreign artifact its layers, and for an index those of its manifests, each below
    /// a folder named after its platform. Throws `RegistryError` when it is gone.
    func manifest(of record: ResourceRecord) throws -> ResourceManifest

    /// The tags that match, newest first, then by repository and tag.
    func search(_ query: SearchQuery) throws -> SearchPage

    /// The resources in `scope` that provide a module: of each repository the one that its tag `latest` is on, else the tag put last of
    /// those whose resource provides it. The repository first whose tag was put last; at most `limit` of them.
    func providers(of module: ModuleName, scope: SearchQuery.Scope, limit: Int) throws -> [ResourceRecord]

    /// A number that changes whenever anything that `resolve`, `search` or `providers` answers may have changed, in any process.
    func version() throws -> Int
}

/// Removes names.
public protocol ResourceRemover: Sendable {
    /// Removes the tag that `selector` names (for a digest: every tag on that manifest); blobs stay until a collection.
    /// Gives the tags removed, empty when there was none. With `sparingPins` it throws `RegistryError` (`unsupported`), and removes nothing,
    /// where one of them is on a pinned manifest.
    func remove(registry: String, repository: String, selector: Selector, sparingPins: Bool) throws -> [Reference]

    /// Removes every resource that was copied from `registry`, or from any registry when nil, but for those that are pinned; gives the
    /// number of tags that went, of those that stayed, and of copies that were here in part and went.
    func removeCached(registry: String?) throws -> (removed: Int, pinned: Int, partial: Int)
}

extension ResourceRemover {
    /// Removes tags, also those on pinned manifests, which stay without them.
    public func remove(registry: String, repository: String, selector: Selector) throws -> [Reference] {
        try remove(registry: registry, repository: repository, selector: selector, sparingPins: false)
    }
}

/// Deletes what nothing names.
public protocol Collector: Sendable {
    /// Deletes manifests that nothing keeps, blobs without a manifest or a live lease, and what dead operations left. Harmless at any
    /// time, in any number of processes. Throws `CollectionRunningError` when another process collects and `options` do not wait.
    func collect(_ options: CollectionOptions) throws -> CollectionReport
}

/// The whole store: what the registry and the client work against.
public protocol Store: BlobReader, BlobWriter, ResourceReader, ResourceRemover, PartialCopies, Collector, Keeper, ArtifactStore, Verifier {}
