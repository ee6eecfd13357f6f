import RxCrypto
import RxPosix
import Synchronization

/// Where the threads of one operation stage, each in a lane of its own while it does.
final class StagingLanes: Sendable {
    /// What one `stage` call uses alone: a hasher, and a folder, because threads that make files in one folder wait for each other.
    final class Lane: @unchecked Sendable {
        // Only the thread that took the lane uses it.
        let hasher = SHA256Hasher()
        private let folder: String
        private var made = 0

        fileprivate init(folder: String) throws {
            self.folder = folder
            try Files.makeFolders(folder, mode: 0o700)
        }

        /// The path of the next file.
        func next() -> String {
            made += 1
            return "\(folder)/\(made)"
        }
    }

    private struct State {
        var idle: [Lane] = []
        var made = 0
    }

    private let folder: String
    private let state = Mutex(State())

    init(folder: String) { self.folder = folder }

    /// Runs `body` with a lane that nobody else uses meanwhile.
    func use<Value>(_ body: (Lane) throws -> Value) throws -> Value {
        let lane = try state.withLock({ $0.idle.popLast() }) ?? make()
        defer { state.withLock { $0.idle.append(lane) } }
        return try body(lane)
    }

    private func make() throws -> Lane {
        let number = state.withLock { state in
            state.made += 1
            return state.made
        }
        return try Lane(folder: "\(folder)/\(number)")
    }
}
