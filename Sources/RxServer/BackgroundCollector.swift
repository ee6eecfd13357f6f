import RxModel
import RxPosix
import RxStore
import Synchronization

/// Collects garbage now and then, on a thread of its own, until it is told to stop. Source: Specs/09-command-line, CLI-073.
final class BackgroundCollector: Sendable {
    private let interval: Double
    private let data: String
    private let options: CollectionOptions
    private let store: any Store
    private let log: AccessLog
    private let stop: StopFlag
    private let thread: Mutex<RxPosix.Thread?> = Mutex(nil)

    /// Begins to wait for the first collection; nil when the configuration wants none.
    init?(_ configuration: ServerConfiguration, store: any Store, log: AccessLog) {
        guard configuration.gcIntervalSeconds > 0 else { return nil }
        interval = Double(configuration.gcIntervalSeconds)
        data = configuration.data
        let stop = StopFlag()
        self.stop = stop
        options = CollectionOptions(untagged: configuration.gcUntagged, hasReaders: true, waits: false, observer: stop)
        self.store = store
        self.log = log
        thread.withLock { $0 = Thread { [self] in run() } }
    }

    /// Ends a collection that is going on at its next step, and returns when it has ended.
    func end() {
        stop.set()
        let running = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        running?.join()
    }

    /// Servers that were started together do not collect together, nor does one at the same time every day.
    private func run() {
        while !stop.isSet(within: interval * Double.random(in: 0.9...1.1)) { collect() }
    }

    private func collect() {
        do {
            // Read anew each time: whoever changes the rules need not start the server again.
            var options = options
            options.retention = try RetentionPolicy.stored(in: data)
            let report = try store.collect(options)
            let time = "\(Int(report.seconds * 1000)) ms"
            log.event(
                "gc deleted \(report.blobs) blobs (\(report.bytes) bytes), \(report.manifests) manifests, \(report.leftovers) leftovers in \(time)",
                report.json())
        } catch is CollectionRunningError {
            log.event("gc skipped: another process collects", .members([:]))
        } catch {
            let words = (error as? any ResourceError)?.message ?? "\(error)"
            log.problem("gc failed: \(words)", id: "gc")
        }
    }

    /// Tells a collection to end, and whoever waits for the next.
    private final class StopFlag: CollectionObserver {
        private let state = Monitor(false)

        func set() { state.update { $0 = true } }

        func isSet(within seconds: Double) -> Bool { state.wait(seconds: seconds) { $0 ? true : nil } ?? false }

        func reached(_ progress: CollectionProgress) -> Bool { !state.updateQuietly { $0 } }
    }
}
