public import RxModel
public import RxPosix

/// A manifest as it is stored: its exact bytes.
public struct StoredArtifact: Sendable, Equatable {
    /// The bytes, as they were pushed.
    public let bytes: [UInt8]
    /// The media type, as it was pushed.
    public let mediaType: String
    /// The SHA-256 of the bytes.
    public let digest: Digest
    /// The digest it is known by: the SHA-512 when it was put under that, else the SHA-256.
    public let name: ContentDigest

    /// Describes a stored manifest.
    public init(bytes: [UInt8], mediaType: String, digest: Digest, name: ContentDigest? = nil) {
        self.bytes = bytes
        self.mediaType = mediaType
        self.digest = digest
        self.name = name ?? .sha256(digest)
    }
}

/// A manifest that names what its repository does not have.
public struct MissingContentError: ResourceError, Equatable {
    public let code = ErrorCode.manifestBlobUnknown
    /// Every digest that is not there.
    public let digests: [ContentDigest]
    /// The repository.
    public let repository: String

    /// Names what is missing.
    public init(_ digests: [ContentDigest], in repository: String) {
        self.digests = digests
        self.repository = repository
    }

    public var message: String {
        "the manifest names \(digests[0])\(digests.count > 1 ? " and \(digests.count - 1) more" : ""), not in repository \(repository)"
    }
    public var hint: String? { "push what is missing first" }
}

/// What picks one manifest of a repository, as OCI clients do.
public enum ArtifactName: Hashable, Sendable {
    /// A tag; `latest` follows the newest when no tag of that name exists.
    case tag(String)
    /// The digest of the manifest's bytes.
    case digest(ContentDigest)
}

/// Reads manifests of any kind and what a repository holds. `registry` is "" for what belongs to this store, or the host a copy came from.
/// Source: Specs/11-distribution.
public protocol ArtifactReader: Sendable {
    /// A manifest of a repository; nil when there is none.
    func artifact(registry: String, repository: String, name: ArtifactName) throws -> StoredArtifact?

    /// The SHA-256 of what a digest names; nil for one by another algorithm that the store does not know.
    func digest(of name: ContentDigest) throws -> Digest?

    /// At most `limit` tags in the order of their bytes, those after `last` alone; nil for a repository without manifest and blob.
    func tags(registry: String, repository: String, after last: String?, limit: Int) throws -> [String]?

    /// At most `limit` names of repositories with a manifest, in the order of their bytes, those after `last` alone.
    func repositories(registry: String, after last: String?, limit: Int) throws -> [String]

    /// The manifests of a repository whose subject is `digest`, with type, annotations and media type; empty when there are none.
    func referrers(registry: String, repository: String, of digest: ContentDigest) throws -> [Descriptor]
}

/// Puts and removes manifests as OCI clients do, in repositories of this store's own. What they named stays until a collection.
public protocol ArtifactWriter: Sendable {
    /// Makes a manifest visible under its digest and the tags, in one step, durably. `name` is the digest that it was put by, when it
    /// was; `sparse` lets an index list manifests that are not there.
    ///
    /// Throws `MissingContentError` when the repository does not have a blob or manifest that it names, `RegistryError` when it has it
    /// with another size.
    func put(_ artifact: Artifact, in repository: String, tags: [String], name: ContentDigest?, sparse: Bool) throws

    /// Removes a tag, or a manifest with every tag on it; false when there was none. Throws `RegistryError` (`unsupported`) for a manifest
    /// that an index of the repository lists, unless `sparse`.
    func removeArtifact(repository: String, name: ArtifactName, sparse: Bool) throws -> Bool
}

/// A blob's bytes as a server sends them: unchecked, because the client checks what it receives.
public enum BlobContent: Sendable {
    /// An open file of its own.
    case file(FileDescriptor)
    /// Bytes in memory.
    case bytes([UInt8])
}

/// The blobs that each repository of this store's own shows: those that were uploaded or mounted there a lease time ago at most, and
/// those that its manifests name. What is only known elsewhere is not there.
public protocol RepositoryBlobs: Sendable {
    /// The blob that a repository has under a digest; nil when it has none. With `leasing`, the repository keeps it for another
    /// lease time: whoever was told that a blob exists may rely on it.
    func blob(_ digest: ContentDigest, in repository: String, leasing: Bool) throws -> StagedBlob?

    /// The lengths of those of `digests` that a repository shows, by one look at the catalog: not even their files are looked at.
    func sizes(of digests: [Digest], in repository: String) throws -> [Digest: Int]

    /// The bytes of a blob that is there with its right length; throws `RegistryError` "Blob not found" otherwise.
    func content(of blob: StagedBlob) throws -> BlobContent

    /// The bytes of a blob for whoever does not check them: they were hashed by this process, and its file is as it was then. Nil when they
    /// would have to be hashed now and are more than `limit`. Throws `RegistryError` "Blob not found" for one that is not there with its
    /// right bytes; a damaged one is set aside.
    func trusted(_ blob: StagedBlob, upTo limit: Int) throws -> BlobContent?

    /// The bytes with a source that throws `ContentError` in place of the end when they do not hash to the blob's digest, and sets a
    /// damaged one aside.
    func verified(_ blob: StagedBlob) throws -> any ByteSource

    /// Whether a manifest is in the repository with its right bytes, and all blobs that it names are there with their lengths.
    func isWhole(_ manifest: Digest, in repository: String) throws -> Bool

    /// Starts to put many blobs into a repository: what is published is shown in it and leased to it, as an upload is, and stays so when
    /// the batch ends; `lease` finds what any repository shows, as `mount` does. Both are durable when they return.
    func begin(in repository: String) throws -> any BlobBatch

    /// Shows in `repository` the blob that `source`, or any repository when that is nil, has; false when none has it.
    func mount(_ digest: ContentDigest, from source: String?, into repository: String) throws -> Bool

    /// Hides a blob from a repository; false when it was not there. Throws `RegistryError` (`unsupported`) while one of the repository's
    /// manifests names it.
    func removeBlob(_ digest: ContentDigest, from repository: String) throws -> Bool
}

/// Everything that OCI clients need of a store.
public protocol ArtifactStore: ArtifactReader, ArtifactWriter, RepositoryBlobs, LargeBlobFinder, UploadStore {}

/// Receives blobs in parts, over any number of requests, processes and restarts.
public protocol UploadStore: Sendable {
    /// Starts an upload. It is known to others, by its name, once `keep` was called.
    func beginUpload(in repository: String) throws -> any UploadSession

    /// How many bytes an upload has received, also while a request has it; nil when the repository has none of this name.
    func received(_ name: String, in repository: String) throws -> Int?

    /// Goes on with an upload; nil when the repository has none of this name. Throws `RegistryError` while another request has it.
    func upload(_ name: String, in repository: String) throws -> (any UploadSession)?
}

/// One request's hold on an upload: released, it leaves what was received to the next one, if `keep` was ever called, else to nobody.
///
/// Used by one thread at a time.
public protocol UploadSession: AnyObject, Sendable {
    /// Its name.
    var name: String { get }

    /// The number of bytes received.
    var offset: Int { get }

    /// Takes the next bytes.
    func append(_ bytes: UnsafeRawBufferPointer) throws

    /// Leaves the upload to other requests, for the time that uploads last from now on.
    func keep() throws

    /// Makes what was received a blob of the repository, leased and durable. Throws `ContentError` when it has another digest; the
    /// upload is over either way.
    func finish(as digest: ContentDigest) throws -> StagedBlob

    /// Drops the upload.
    func cancel() throws
}
