import RxPosix
import Synchronization

/// Starts to write staged bytes to the disk while more are staged, so that the sync that a publish waits for has little left to do.
final class EarlySync: Sendable {
    /// How many bytes are staged between one start and the next.
    static let interval = 16 << 20

    private struct State {
        var pending = 0
        var running: Background<Result<Void, any Error>>?
    }

    private let folder: StagingFolder
    private let state = Mutex(State())

    init(_ folder: StagingFolder) { self.folder = folder }

    /// Counts staged bytes, and starts a sync when there are enough and none has been started yet.
    func staged(_ bytes: Int) {
        state.withLock { state in
            state.pending += bytes
            guard state.pending >= EarlySync.interval, state.running == nil else { return }
            state.pending = 0
            state.running = Background { [folder] in Result { try folder.syncFileSystem() } }
        }
    }

    /// Waits for what was started. Throws its failure: a failed sync is reported once, and here it must be believed (fsync(2)).
    func finish() throws {
        let running = state.withLock { state in
            defer { state.running = nil }
            return state.running
        }
        try running?.value.get()
    }
}
