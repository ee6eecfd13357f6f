import RxChunks
import RxModel
import RxProtocol
import RxStore

/// Gives a registry a large blob by what differs from those that the repository has. Source: Specs/13-chunks, "Push".
struct DeltaSender {
    let client: DistributionClient
    let repository: String
    /// The indexes of local blobs.
    let indexes: ChunkIndexCache

    /// Gives the registry the blob that `open` opens, and says whether that was done: if not, for whatever reason, the blob is to be sent
    /// whole. `title` is the path of the file that it is.
    func send(_ blob: StagedBlob, title: String?, open: () throws -> BlobContent) -> Bool {
        guard DeltaChoice.mayPay(size: blob.size, title: title) else { return false }
        do {
            let content = try open().region()
            guard content.count == blob.size, try DeltaChoice.mayPay(content) else { return false }
            return try send(blob, title, content)
        } catch {
            // Sending it whole shows whether the trouble was with the chunks alone, and says so if not.
            return false
        }
    }

    private func send(_ blob: StagedBlob, _ title: String?, _ content: any ByteRegion) throws -> Bool {
        let calls = DeltaCalls(client: client, repository: repository)
        // Cutting costs more than asking whether there is anything to compare with; the registry gets ready meanwhile.
        guard try calls.found([], of: blob.digest, size: blob.size, title: title) != nil else { return false }
        let index = try indexes.index(of: blob) { RegionSource(content) }
        guard let found = try calls.found(index.ids, of: blob.digest, size: blob.size, title: title),
            found.bases.count <= Delta.baseLimit
        else { return false }
        let delta = Delta(of: index, runs: found.runs, bases: found.bases)
        guard DeltaChoice.pays(reused: delta.copiedBytes, of: blob.size) else { return false }
        guard try calls.assemble(blob.digest, size: blob.size, delta, from: content) else {
            indexes.forget(blob.digest)
            return false
        }
        return true
    }
}
