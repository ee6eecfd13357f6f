import RxCrypto
import RxPosix
import Synchronization

/// Where the threads of one operation stage, each in a lane of its own while it does.
///
/// A folder takes few files, for two reasons: looking a name up reads through its neighbours, and whoever renames files out of a folder
/// makes those who make files in it wait.
final class StagingLanes: Sendable {
    /// What one `stage` call uses alone: a hasher, and a folder, because threads that make files in one folder wait for each other.
    final class Lane: @unchecked Sendable {
        // Only the thread that took the lane uses it.
        let hasher = SHA256Hasher()
        /// How many files one folder takes.
        private static let folderSize = 64

        private let base: String
        private var folder = ""
        private var made = 0

        fileprivate init(base: String) { self.base = base }

        /// The path of the next file.
        func next() throws -> String {
            let number = made % Lane.folderSize
            if number == 0 {
                folder = "\(base).\(made / Lane.folderSize)"
                try Files.makeFolders(folder, mode: 0o700)
            }
            made += 1
            return "\(folder)/\(number)"
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
        let lane = state.withLock({ $0.idle.popLast() }) ?? make()
        defer { state.withLock { $0.idle.append(lane) } }
        return try body(lane)
    }

    private func make() -> Lane {
        let number = state.withLock { state in
            state.made += 1
            return state.made
        }
        return Lane(base: "\(folder)/\(number)")
    }
}
