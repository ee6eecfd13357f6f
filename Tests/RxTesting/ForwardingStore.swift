public import RxModel
public import RxStore

/// A store that passes everything on to another one; a test double overrides what it is about.
public protocol ForwardingStore: Store {
    /// Where everything goes. What this throws, every call throws.
    func base() throws -> any Store
}

extension ForwardingStore {
    public var blobFolder: BlobFolder? { get throws { try base().blobFolder } }
    public func size(of digest: Digest) throws -> Int { try base().size(of: digest) }
    public func open(_ digest: Digest) throws -> any ByteSource { try base().open(digest) }
    public func begin() throws -> any StoreOperation { try base().begin() }
    public func resolve(registry: String, repository: String, selector: Selector) throws -> ResourceRecord? {
        try base().resolve(registry: registry, repository: repository, selector: selector)
    }
    public func manifest(of record: ResourceRecord) throws -> ResourceManifest { try base().manifest(of: record) }
    public func search(_ query: SearchQuery) throws -> SearchPage { try base().search(query) }
    public func providers(of module: ModuleName, scope: SearchQuery.Scope, limit: Int) throws -> [ResourceRecord] {
        try base().providers(of: module, scope: scope, limit: limit)
    }
    public func version() throws -> Int { try base().version() }
    public func remove(registry: String, repository: String, selector: Selector, sparingPins: Bool) throws -> [Reference] {
        try base().remove(registry: registry, repository: repository, selector: selector, sparingPins: sparingPins)
    }
    public func removeCached(registry: String?) throws -> (removed: Int, pinned: Int, partial: Int) {
        try base().removeCached(registry: registry)
    }
    public func putPartial(_ artifact: Artifact, as reference: Reference, pinned: Bool) throws {
        try base().putPartial(artifact, as: reference, pinned: pinned)
    }
    public func partialCopy(registry: String, repository: String, selector: Selector) throws -> PartialCopy? {
        try base().partialCopy(registry: registry, repository: repository, selector: selector)
    }
    public func keep(_ blobs: [Digest: Int], in copy: ManifestPlace) throws -> Set<Digest>? { try base().keep(blobs, in: copy) }
    public func digests(registry: String, repository: String, limit: Int) throws -> [Digest] {
        try base().digests(registry: registry, repository: repository, limit: limit)
    }
    public func noteUse(ofPartial copy: ManifestPlace) throws { try base().noteUse(ofPartial: copy) }
    public func pin(_ record: ResourceRecord) throws -> Bool { try base().pin(record) }
    public func unpin(_ record: ResourceRecord) throws -> Bool { try base().unpin(record) }
    public func pins() throws -> [Pin] { try base().pins() }
    public func explain(_ digest: ContentDigest, _ options: CollectionOptions) throws -> Explanation? {
        try base().explain(digest, options)
    }
    public func usage() throws -> StoreUsage { try base().usage() }
    public func noteUse(of record: ResourceRecord) throws { try base().noteUse(of: record) }
    public func evictCopies(to limit: Int, sparing spared: ManifestPlace?, dryRun: Bool) throws -> Eviction {
        try base().evictCopies(to: limit, sparing: spared, dryRun: dryRun)
    }
    public func collect(_ options: CollectionOptions) throws -> CollectionReport { try base().collect(options) }
    public func artifact(registry: String, repository: String, name: ArtifactName) throws -> StoredArtifact? {
        try base().artifact(registry: registry, repository: repository, name: name)
    }
    public func digest(of name: ContentDigest) throws -> Digest? { try base().digest(of: name) }
    public func tags(registry: String, repository: String, after last: String?, limit: Int) throws -> [String]? {
        try base().tags(registry: registry, repository: repository, after: last, limit: limit)
    }
    public func repositories(registry: String, after last: String?, limit: Int) throws -> [String] {
        try base().repositories(registry: registry, after: last, limit: limit)
    }
    public func referrers(registry: String, repository: String, of digest: ContentDigest) throws -> [Descriptor] {
        try base().referrers(registry: registry, repository: repository, of: digest)
    }
    public func put(_ artifact: Artifact, in repository: String, tags: [String], name: ContentDigest?, sparse: Bool) throws {
        try base().put(artifact, in: repository, tags: tags, name: name, sparse: sparse)
    }
    public func removeArtifact(repository: String, name: ArtifactName, sparse: Bool) throws -> Bool {
        try base().removeArtifact(repository: repository, name: name, sparse: sparse)
    }
    public func blob(_ digest: ContentDigest, in repository: String, leasing: Bool) throws -> StagedBlob? {
        try base().blob(digest, in: repository, leasing: leasing)
    }
    public func sizes(of digests: [Digest], in repository: String) throws -> [Digest: Int] {
        try base().sizes(of: digests, in: repository)
    }
    public func content(of blob: StagedBlob) throws -> BlobContent { try base().content(of: blob) }
    public func trusted(_ blob: StagedBlob, upTo limit: Int) throws -> BlobContent? { try base().trusted(blob, upTo: limit) }
    public func verified(_ blob: StagedBlob) throws -> any ByteSource { try base().verified(blob) }
    public func isWhole(_ manifest: Digest, in repository: String) throws -> Bool { try base().isWhole(manifest, in: repository) }
    public func begin(in repository: String) throws -> any BlobBatch { try base().begin(in: repository) }
    public func mount(_ digest: ContentDigest, from source: String?, into repository: String) throws -> Bool {
        try base().mount(digest, from: source, into: repository)
    }
    public func removeBlob(_ digest: ContentDigest, from repository: String) throws -> Bool {
        try base().removeBlob(digest, from: repository)
    }
    public func largeBlobs(registry: String, repository: String, atLeast size: Int, limit: Int) throws -> [LargeBlob] {
        try base().largeBlobs(registry: registry, repository: repository, atLeast: size, limit: limit)
    }
    public func beginUpload(in repository: String) throws -> any UploadSession { try base().beginUpload(in: repository) }
    public func received(_ name: String, in repository: String) throws -> Int? { try base().received(name, in: repository) }
    public func upload(_ name: String, in repository: String) throws -> (any UploadSession)? {
        try base().upload(name, in: repository)
    }
    public func verify(_ options: VerifyOptions, with helper: any VerifyHelper) throws -> VerifyReport {
        try base().verify(options, with: helper)
    }
}

extension Collector {
    /// Collects as the rules say that a collection does.
    public func collect(dryRun: Bool, leaseTime: Int?) throws -> CollectionReport {
        try collect(CollectionOptions(dryRun: dryRun, leaseTime: leaseTime))
    }
}
