import RxModel
import RxPosix
import Synchronization

extension MemoryStore {
    public func largeBlobs(registry: String, repository: String, atLeast size: Int, limit: Int) throws -> [LargeBlob] {
        state.withLock { state in
            var found: [LargeBlob] = []
            var seen: Set<Digest> = []
            func add(_ digest: Digest, _ title: String?) {
                guard let bytes = state.blobs[digest], bytes.count >= size, seen.insert(digest).inserted else { return }
                found.append(LargeBlob(digest: digest, size: bytes.count, title: title))
            }
            let held = state.manifests[Repository(registry: registry, name: repository)] ?? []
            for each in held.reversed().prefix(LargeBlobSearch.manifestLimit) {
                let titles = LargeBlobSearch.titles(each.artifact.bytes, mediaType: each.artifact.mediaType)
                for digest in each.blobs.compactMap({ state.digest(of: $0) }) { add(digest, titles[digest]) }
            }
            if registry.isEmpty {
                for (digest, until) in state.leases[repositoryOwner(repository)] ?? [:] where until > Clock.now { add(digest, nil) }
            }
            return Array(found.prefix(limit))
        }
    }
}
