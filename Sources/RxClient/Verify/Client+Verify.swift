import RxArchive
import RxCrypto
import RxHTTP
import RxModel
public import RxStore
import Synchronization

extension Client {
    /// Compares the local store with itself, and repairs it where that is asked for: what was copied from a registry is fetched from there
    /// again, and what is the store's own from the configured registries that have it. Source: Specs/05-store, "Verify".
    public func verify(_ options: VerifyOptions) throws -> VerifyReport { try store.verify(options, with: ClientHelp(self)) }
}

/// Fetches what a check of the store misses.
private final class ClientHelp: VerifyHelper {
    private let client: Client
    /// The registries that could not be asked, by their authority: nobody waits for them again.
    private let silent = Mutex<Set<String>>([])

    init(_ client: Client) { self.client = client }

    func begin(_ what: String, blobs: Int, bytes: Int) { client.progress.begin(what, total: bytes, files: blobs) }

    func advance(blobs: Int, bytes: Int) { client.progress.advance(bytes, files: blobs) }

    func end() { client.progress.end() }

    func fetch(_ lost: [LostBlob]) throws {
        let operation = try client.store.begin()
        defer { operation.cancel() }
        let left = Mutex<[LostBlob]>([])
        try TransferGate().forEach(0..<lost.count) { [self] index in
            if try !fetch(lost[index], into: operation) { left.withLock { $0.append(lost[index]) } }
        }
        try operation.publish()
        // A registry may have a resource in another form than its blobs: it is pulled as a whole, under the tag that it has here.
        for place in Set(left.withLock { $0 }.flatMap(\.places)) where !place.registry.isEmpty {
            let copy = try client.store.resolve(
                registry: place.registry, repository: place.repository, selector: .digest(place.manifest))
            guard let copy, copy.createdAt > 0 else { continue }
            _ = try asking(place.registry) { _ in try client.pull(copy.reference.locator.pinned(to: place.manifest), from: nil) }
        }
    }

    /// Stages one blob from the first registry that has it; false when none has.
    private func fetch(_ lost: LostBlob, into operation: any StoreOperation) throws -> Bool {
        let blob = Descriptor(mediaType: "application/octet-stream", digest: .sha256(lost.blob.digest), size: lost.blob.size)
        for place in lost.places {
            for host in hosts(place) {
                let isStaged = try asking(host) { registry in
                    let origin = RemoteOrigin(client: client.distribution(registry), repository: place.repository)
                    return try BlobFetch(progress: NoProgress(), delta: nil).fetch(blob, from: origin, into: operation)
                }
                if isStaged != nil { return true }
            }
        }
        return false
    }

    func manifest(_ place: LostBlob.Place) throws -> [UInt8]? {
        for host in hosts(place) {
            let stored = try asking(host) { registry in
                try client.distribution(registry).manifest(place.repository, .digest(.sha256(place.manifest)))
            }
            if let bytes = stored??.bytes { return bytes }
        }
        return nil
    }

    /// Where something may be had: from where it was copied, else from any configured registry, which is asked for it by its digest.
    private func hosts(_ place: LostBlob.Place) -> [String] {
        place.registry.isEmpty ? client.registries.compactMap { try? $0.get().authority } : [place.registry]
    }

    /// Runs `body` with a registry; nil when that does not answer, has not what it is asked for, or sends something else.
    private func asking<Value>(_ host: String, _ body: (RegistryURL) throws -> Value) throws -> Value? {
        guard !silent.withLock({ $0.contains(host) }) else { return nil }
        do { return try body(client.registry(forHost: host)) } catch let error as any ResourceError {
            switch error.code {
            case .unreachable, .unauthorized, .denied: silent.withLock { _ = $0.insert(host) }
            // Here is no room for anything: that is no registry's fault.
            case .storageFull, .storeUnusable: throw error
            default: break
            }
            return nil
        }
    }
}
