import RxModel
import RxPosix
import Synchronization

/// Which leases of repositories this process wrote a short time ago: clients ask for the same blob again and again, and a lease that
/// has three quarters of its time left needs no new one.
final class RepositoryLeases: Sendable {
    private struct Key: Hashable {
        let digest: Digest
        let repository: String
    }

    /// More than this many are forgotten, all at once: a needless lease costs little.
    private static let limit = 100_000

    private let leaseTime: Int
    private let written = Mutex<[Key: Int]>([:])

    init(leaseTime: Int) { self.leaseTime = leaseTime }

    /// Whether the lease was written less than a quarter of its time ago.
    func isFresh(_ digest: Digest, _ repository: String) -> Bool {
        let at = written.withLock { $0[Key(digest: digest, repository: repository)] }
        guard let at else { return false }
        return 0..<leaseTime / 4 ~= Clock.monotonic / 1_000_000_000 - at
    }

    /// The lease was written.
    func note(_ digest: Digest, _ repository: String) {
        written.withLock { written in
            if written.count >= RepositoryLeases.limit { written.removeAll() }
            written[Key(digest: digest, repository: repository)] = Clock.monotonic / 1_000_000_000
        }
    }

    /// The lease is gone.
    func forget(_ digest: Digest, _ repository: String) {
        written.withLock { _ = $0.removeValue(forKey: Key(digest: digest, repository: repository)) }
    }
}
