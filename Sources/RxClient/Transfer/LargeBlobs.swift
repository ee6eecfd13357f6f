import RxHTTP
import RxModel
import RxStore

/// Brings a large blob by what the other side has of it already, in place of all its bytes.
protocol BlobDelta: Sendable {
    /// Tries to give a repository of the registry a blob that is in the local store; false when its bytes must be sent. Throws only what
    /// would also keep them from being sent.
    func push(_ blob: Descriptor, to repository: String) throws -> Bool

    /// Tries to stage a blob of a repository of the registry in `operation`, made in part from what is here; false when its bytes must be
    /// fetched. `previous` are blobs that may be like it, the best first.
    func fetch(_ blob: Descriptor, from repository: String, like previous: [Digest], into operation: any StoreOperation) throws -> Bool
}

/// What went wrong with a blob that travels alone: it has been tried again as often as makes sense.
struct GivenUp: Error {
    let error: any Error
}

/// Moves the blobs that travel alone, over `/v2/`, several at once. Source: Specs/12-transfer, "Client".
struct LargeBlobs: Sendable {
    let client: DistributionClient
    let repository: String
    let delta: (any BlobDelta)?

    /// Gives the repository a blob; `open` gives its bytes from their start.
    func push(_ item: FreightItem, open: () throws -> any ByteSource) throws {
        if let delta, try delta.push(item.descriptor, to: repository) {
            client.progress.advance(item.size, files: 1)
            return
        }
        try client.push(item.descriptor, to: repository, open: open)
        client.progress.advance(0, files: 1)
    }

    /// Stages a blob of the repository. `previous` are blobs that may be like it.
    func fetch(_ item: FreightItem, like previous: [Digest], into operation: any StoreOperation) throws {
        let single = BlobFetch(progress: client.progress, delta: delta.map { ($0, repository) })
        _ = try single.fetch(item.descriptor, from: RemoteOrigin(client: client, repository: repository), like: previous, into: operation)
    }
}

extension FreightItem {
    /// The blob as `/v2/` names it.
    var descriptor: Descriptor {
        Descriptor(
            mediaType: "application/octet-stream", digest: .sha256(digest), size: size,
            annotations: title.map { [Annotation.title: $0] } ?? [:])
    }
}
