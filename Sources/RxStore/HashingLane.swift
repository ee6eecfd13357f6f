import RxCrypto
import RxPosix
import Synchronization

/// Hashes what a long upload receives on a thread of its own, while the thread that receives takes and writes what comes next.
final class HashingLane: Sendable {
    /// How many lanes there are at once. More than a few only wait for each other; who gets none hashes on its own thread.
    final class Permits: Sendable {
        private static let limit = 2
        private let left = Atomic<Int>(Permits.limit)

        /// Whether there is one more, which then is taken.
        fileprivate func take() -> Bool {
            if left.subtract(1, ordering: .relaxed).newValue >= 0 { return true }
            give()
            return false
        }

        fileprivate func give() { left.add(1, ordering: .relaxed) }
    }

    private struct State {
        /// What waits, the first first; it leaves when it is hashed.
        var parts: [[UInt8]] = []
        var isOver = false

        var next: Step? { parts.first.map(Step.hash) ?? (isOver ? .end : nil) }
    }

    private enum Step {
        case hash([UInt8])
        case end
    }

    /// The lane's thread has it alone until `wait` has returned.
    private struct Handed: @unchecked Sendable {
        let hasher: SHA256Hasher
    }

    /// How many parts wait at most; who brings another one waits.
    private static let depth = 4

    private let permits: Permits
    private let state: Monitor<State>
    private let thread: Background<Void>

    /// Hashes into `hasher`, which nobody else uses before `wait` has returned; nil when there are lanes enough.
    init?(_ hasher: SHA256Hasher, _ permits: Permits) {
        guard permits.take() else { return nil }
        let state = Monitor(State())
        let handed = Handed(hasher: hasher)
        self.permits = permits
        self.state = state
        thread = Background {
            while case .hash(let part) = state.wait(until: \.next) {
                part.withUnsafeBytes { handed.hasher.update($0) }
                _ = state.update { $0.parts.removeFirst() }
            }
        }
    }

    // The thread is waited for when it is let go of.
    deinit {
        end()
        permits.give()
    }

    /// Takes the next bytes.
    func add(_ part: [UInt8]) {
        _ = state.wait { $0.parts.count < HashingLane.depth ? true : nil }
        state.update { $0.parts.append(part) }
    }

    /// Waits until all that was taken is hashed. Nothing can be added any more.
    func wait() {
        end()
        thread.value
    }

    private func end() { state.update { $0.isOver = true } }
}
