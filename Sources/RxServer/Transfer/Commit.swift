import RxHTTP
import RxModel
import RxProtocol
import RxStore

/// The end of a push: a manifest becomes visible under a tag once all that it names is there.
struct Commit {
    private let manifest: Digest
    private let reference: Reference
    private let context: ServerContext

    /// Nil for a stream that is not to be committed.
    init?(_ target: TransferTarget, _ context: ServerContext) {
        guard case .commit(let manifest, let reference) = target else { return nil }
        self.manifest = manifest
        self.reference = reference
        self.context = context
    }

    /// The answer when the tag names the manifest already.
    func done() throws -> HTTPResponse? {
        guard let record = try context.store.resolve(registry: "", repository: reference.repository, selector: .tag(reference.tag)),
            record.reference.tag == reference.tag, record.manifestDigest == manifest,
            // Who pushes it again has what was lost.
            try context.store.isWhole(manifest, in: reference.repository)
        else { return nil }
        return answer(tree: record.tree)
    }

    /// Makes the manifest visible, or says what it still lacks. `received` is what the stream brought just now.
    func commit(_ received: ReceivedBlobs) throws -> HTTPResponse {
        // Its length first: what waits for its turn holds nothing.
        let blob = try context.store.blob(.sha256(manifest), in: reference.repository, leasing: false)
        if let blob, blob.size > Workers.largeManifest {
            return try context.workers.alone { try commit(manifestBytes(), received) }
        }
        let bytes = try manifestBytes()
        guard bytes.count > Workers.largeManifest else { return try commit(bytes, received) }
        return try context.workers.alone { try commit(bytes, received) }
    }

    private func commit(_ bytes: [UInt8], _ received: ReceivedBlobs) throws -> HTTPResponse {
        let content = try CommitContent(bytes, manifest)
        // Whoever sends the manifest alone wants to know what is missing; else the repository most likely has everything.
        if !received.isOnly(manifest), let done = try? put(content) { return done }
        let absent = try absent(content, received)
        guard absent.isEmpty else { return pending(content, absent) }
        do { return try put(content) } catch let error as MissingContentError {
            throw RegistryError(
                "the store lost a part of the content while it was pushed", code: .overloaded, hint: "push again", cause: error)
        }
    }

    /// Makes the manifest visible. Throws `MissingContentError` when the repository lacks something that it names.
    private func put(_ content: CommitContent) throws -> HTTPResponse {
        let artifact = try content.artifact(in: reference.repository)
        try context.store.put(artifact, in: reference.repository, tags: [reference.tag], name: nil, sparse: false)
        return answer(tree: artifact.tree ?? artifact.digest)
    }

    /// The manifest's bytes, verified: it came with the stream, or the repository has it.
    private func manifestBytes() throws -> [UInt8] {
        let name = ContentDigest.sha256(manifest)
        // What a disk has changed is as good as not there: whoever pushes has the right bytes, and putting them mends it.
        do {
            if let stored = try context.store.artifact(registry: "", repository: reference.repository, name: .digest(name)) {
                return stored.bytes
            }
        } catch let error as ContentError where error.code == .contentDamaged {}
        guard let blob = try context.store.blob(name, in: reference.repository, leasing: true) else {
            throw RegistryError(
                "the manifest \(manifest) is neither in the stream nor in repository \(reference.repository)", code: .manifestUnknown,
                hint: "send it as a blob of the stream")
        }
        let limit = context.configuration.maxManifestBytes
        guard blob.size <= limit else {
            throw RegistryError("the manifest has \(blob.size) bytes, more than the \(limit) allowed", code: .contentTooLarge)
        }
        // Throws where they are not what the digest names.
        return try context.store.open(manifest).readAll(limit: limit, expected: blob.size)
    }

    /// The blobs that are not there; those that are, are shown in the repository from here on.
    private func absent(_ content: CommitContent, _ received: ReceivedBlobs) throws -> Set<ContentDigest> {
        var absent: Set<ContentDigest> = []
        var wanted: [Digest: Int] = [:]
        for blob in content.parts where !blob.isForeign && !blob.isInlined {
            guard let digest = blob.name.sha256 else {
                let found = try context.store.blob(blob.name, in: reference.repository, leasing: true)
                if found?.size != blob.size { absent.insert(blob.name) }
                continue
            }
            guard let sent = received.sizes[digest] else {
                wanted[digest] = blob.size
                continue
            }
            guard sent == blob.size else {
                throw RegistryError("\(digest) has \(sent) bytes, and the manifest says \(blob.size)", code: .sizeInvalid)
            }
        }
        guard !wanted.isEmpty else { return absent }
        let batch = try context.store.begin(in: reference.repository)
        defer { batch.cancel() }
        let found = try batch.lease(wanted)
        for digest in wanted.keys where !found.contains(digest) { absent.insert(.sha256(digest)) }
        return absent
    }

    private func pending(_ content: CommitContent, _ absent: Set<ContentDigest>) -> HTTPResponse {
        var positions = BlobPositions()
        var bytes = 0
        var counted: Set<ContentDigest> = []
        for (position, blob) in content.parts.enumerated() where !blob.isForeign && absent.contains(blob.name) {
            // A blob that is named twice is sent once.
            guard counted.insert(blob.name).inserted else { continue }
            positions.append(position)
            bytes = bytes.addingReportingOverflow(blob.size).overflow ? .max : bytes + blob.size
        }
        return .json(202, PendingAnswer(missing: positions, bytes: bytes).json)
    }

    private func answer(tree: Digest) -> HTTPResponse {
        let receipt = PublishReceipt(locator: reference.locator, digest: tree, manifestDigest: manifest)
        return .json(201, receipt.json, headers: ["Location": Route.resource(receipt.locator)])
    }
}
