import RxCrypto
import RxHTTP
import RxLoader
import RxModel
import RxPosix
import RxStore
import Synchronization

/// The files of a partial copy: those that are here, and those that its registry has. Source: Specs/15-loader, "Partial resources".
final class PartialFiles: FileShelf {
    /// How long a registry that did not answer is not asked again for files of a resource, in nanoseconds.
    private static let failureTime = 5_000_000_000
    /// How often a use is told to the store at most, in nanoseconds.
    private static let useTime = 300_000_000_000
    /// How often a file is fetched that others take away again, as who clears the cache does.
    private static let attempts = 5

    private struct State {
        /// The blobs that are known to be here and to stay.
        var here: Set<Digest> = []
        /// Why the registry could not be asked, and until when that is the answer.
        var failure: (error: any Error, until: Int)?
        var usedAt = Clock.monotonic
    }

    private let client: Client
    private let reference: Reference
    private let place: ManifestPlace
    /// The manifest's bytes: when others clear the cache meanwhile, the copy begins anew.
    private let bytes: [UInt8]
    private let isOffline: Bool
    private let state = Mutex(State())

    /// The files of the resource whose manifest is `bytes`, as it is found under `reference`.
    init(_ client: Client, _ reference: Reference, _ digest: Digest, bytes: [UInt8], isOffline: Bool = false) {
        self.client = client
        self.reference = reference
        place = ManifestPlace(registry: reference.registry, repository: reference.repository, digest: digest)
        self.bytes = bytes
        self.isOffline = isOffline
    }

    var offline: any FileShelf {
        PartialFiles(client, reference, place.digest, bytes: bytes, isOffline: true)
    }

    func isHere(_ file: ResourceFile) -> Bool { state.withLock { $0.here.contains(file.digest) } }

    func missing(_ files: [ResourceFile]) throws -> [ResourceFile] {
        let here = try kept(files)
        return files.filter { !here.contains($0.digest) }
    }

    func fetch(_ files: [ResourceFile]) throws {
        noteUse()
        let unknown = state.withLock { state in files.filter { !state.here.contains($0.digest) } }
        guard !unknown.isEmpty else { return }
        try bring(try missing(unknown))
    }

    func open(_ file: ResourceFile) throws -> any ByteSource {
        for _ in 1..<PartialFiles.attempts {
            try fetch([file])
            do { return try client.store.open(file.digest) } catch let error as RegistryError where error.code == .blobUnknown {
                // It has gone since it was known to be here: others cleared the cache, or it was damaged.
                state.withLock { _ = $0.here.remove(file.digest) }
            }
        }
        try fetch([file])
        return try client.store.open(file.digest)
    }

    /// Those of the files that are here; from now on they stay.
    private func kept(_ files: [ResourceFile]) throws -> Set<Digest> {
        guard !files.isEmpty else { return [] }
        let wanted = Dictionary(files.map { ($0.digest, $0.size) }) { first, _ in first }
        let here = try client.store.keep(wanted, in: place) ?? keptAnew(wanted)
        state.withLock { $0.here.formUnion(here) }
        return here
    }

    /// The same when there is no partial copy: it has become a whole one, or others have cleared the cache.
    private func keptAnew(_ wanted: [Digest: Int]) throws -> Set<Digest> {
        let store = client.store
        if try store.resolve(registry: place.registry, repository: place.repository, selector: .digest(place.digest)) != nil {
            return Set(wanted.filter { (try? store.size(of: $0.key)) == $0.value }.keys)
        }
        let artifact = try Artifact(parsing: bytes, mediaType: MediaType.imageManifest, repository: place.repository)
        // What its tag means now is not this copy's to say: it may have moved.
        try store.putPartial(artifact, as: reference, pinned: true)
        return try store.keep(wanted, in: place) ?? []
    }

    /// Fetches files, each digest once in this process.
    private func bring(_ files: [ResourceFile]) throws {
        guard !files.isEmpty else { return }
        let byDigest = Dictionary(files.map { ($0.digest, $0) }) { first, _ in first }
        do {
            guard !isOffline else {
                throw RegistryError("nobody may be asked for it", code: .unreachable)
            }
            if let failure = state.withLock({ $0.failure }), Clock.monotonic < failure.until { throw failure.error }
            var brought = 0
            // Nobody waits for a look at the cache who only wants the same file.
            defer { client.pruneAfterFetch(of: brought, for: place) }
            var lost = files
            for _ in 0..<PartialFiles.attempts where !lost.isEmpty {
                try client.partialTraffic.flights.bring(Set(lost.map(\.digest)), of: reference) { own in
                    let remote = RemoteFiles(client: client, reference: reference, manifest: place.digest)
                    brought += try remote.fetch(own.map { byDigest[$0]! }) { _ = try kept($0) }
                }
                // What others have fetched may be for another copy, and what came may have been cleared away.
                let here = try kept(files)
                lost = files.filter { !here.contains($0.digest) }
            }
            if let lost = lost.first { throw RegistryError.blobNotFound(lost.digest) }
        } catch {
            throw refusal(error, files)
        }
    }

    /// The error for files that cannot be had, once it is noted that the registry does not answer.
    private func refusal(_ error: any Error, _ files: [ResourceFile]) -> any Error {
        guard let known = error as? any ResourceError else { return error }
        if known.code == .unreachable || known.isPassing, !isOffline {
            state.withLock { state in
                if state.failure.map({ $0.until <= Clock.monotonic }) ?? true {
                    state.failure = (error, Clock.monotonic + PartialFiles.failureTime)
                }
            }
        }
        let more = files.count > 1 ? " and \(files.count - 1) more" : ""
        let hint = isOffline ? "rx pull \(reference) brings all of it here, where \(reference.registry) answers" : known.hint
        return RegistryError(
            "File \(files[0].path.text)\(more) of \(reference) is not here, and could not be fetched from \(reference.registry): \(known.message)",
            code: known.code, hint: hint, cause: error)
    }

    /// Tells the store now and then that the copy is used. Whether that can be noted is not its user's concern.
    private func noteUse() {
        let isDue = state.withLock { state in
            guard Clock.monotonic - state.usedAt >= PartialFiles.useTime else { return false }
            state.usedAt = Clock.monotonic
            return true
        }
        if isDue { try? client.store.noteUse(ofPartial: place) }
    }
}
