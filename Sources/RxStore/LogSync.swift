import Glibc
import RxPosix

/// Waits until the catalog's log is on the disk, once for all who wait at the same time: their commits need not wait for one another's
/// sync while they hold the write lock.
///
/// What is synced is the log's file, through a descriptor of its own; SQLite keeps no locks on that file, and what was moved from the log
/// into the database was synced before. Source: SQLite, "Write-Ahead Logging".
final class LogSync: Sendable {
    private struct State {
        var asked = 0
        var done = 0
        var isRunning = false
        var file: FileDescriptor?
        var failure: (any Error)?
    }

    private enum Turn {
        case done
        case failed(any Error)
        case lead(upTo: Int, FileDescriptor?)
    }

    private let path: String
    private let state = Monitor(State())

    /// Syncs the log of the catalog at `path`.
    init(catalog path: String) { self.path = "\(path)-wal" }

    /// Returns when everything that was committed before is durable. Throws `PosixError`; once that has happened nothing is believed to be
    /// durable any more, because a second sync may succeed without what the first one lost (fsync(2)).
    func wait() throws {
        let ticket = state.update { state in
            state.asked += 1
            return state.asked
        }
        let turn = state.wait { state -> Turn? in
            if let failure = state.failure { return .failed(failure) }
            if state.done >= ticket { return .done }
            if state.isRunning { return nil }
            state.isRunning = true
            return .lead(upTo: state.asked, state.file)
        }
        switch turn {
        case .done, nil: return
        case .failed(let error): throw error
        case .lead(let last, let open):
            let result = Result {
                let file = try open ?? FileDescriptor.open(path, O_RDWR)
                try file.sync()
                return file
            }
            state.update { state in
                state.isRunning = false
                switch result {
                case .success(let file):
                    state.file = file
                    state.done = max(state.done, last)
                case .failure(let error): state.failure = error
                }
            }
            _ = try result.get()
        }
    }
}
