import RxPosix
import Synchronization

/// Writes staged bytes to the disk while more are staged, so that the sync that a publish waits for has little left to do.
final class EarlySync: Sendable {
    /// How many bytes are staged between one start and the next.
    static let interval = 16 << 20

    private struct State {
        var pending = 0
        var isRunning = false
        var started: [Background<Result<Void, any Error>>] = []
    }

    private let folder: StagingFolder
    private let state = Mutex(State())

    init(_ folder: StagingFolder) { self.folder = folder }

    /// Counts staged bytes, and starts a sync when there are enough and none is running.
    func staged(_ bytes: Int) {
        state.withLock { state in
            state.pending += bytes
            guard state.pending >= EarlySync.interval, !state.isRunning else { return }
            state.pending = 0
            state.isRunning = true
            state.started.append(Background { [self] in sync() })
        }
    }

    /// Waits for what was started. Throws its failure: a failed sync is reported once, and here it must be believed (fsync(2)).
    func finish() throws {
        let started = state.withLock { state in
            defer { state.started = [] }
            state.pending = 0
            return state.started
        }
        for each in started { try each.value.get() }
    }

    private func sync() -> Result<Void, any Error> {
        repeat {
            do { try folder.syncFileSystem() } catch {
                state.withLock { $0.isRunning = false }
                return .failure(error)
            }
        } while isBehind()
        return .success(())
    }

    /// Whether as much again was staged meanwhile.
    private func isBehind() -> Bool {
        state.withLock { state in
            state.isRunning = state.pending >= EarlySync.interval
            if state.isRunning { state.pending = 0 }
            return state.isRunning
        }
    }
}
