import RxModel
import RxPosix
import Synchronization

extension DiskStore {
    public func verify(_ options: VerifyOptions, with helper: any VerifyHelper) throws -> VerifyReport {
        try StoreCheck(self, options, helper).run()
    }
}

/// One check of a store: what it goes through, and what it has found so far. Source: Specs/05-store, "Verify".
final class StoreCheck: Sendable {
    let store: DiskStore
    let options: VerifyOptions
    let helper: any VerifyHelper
    private let report = Mutex(VerifyReport())

    init(_ store: DiskStore, _ options: VerifyOptions, _ helper: any VerifyHelper) {
        self.store = store
        self.options = options
        self.helper = helper
    }

    /// Checks everything. Throws what keeps the check from going on.
    func run() throws -> VerifyReport {
        defer { helper.end() }
        try checkFile()
        // In this order, because what is repaired is needed by what comes after it.
        try checkManifests()
        try checkBlobs()
        try checkRows()
        try checkCaches()
        try countLeftovers()
        try checkClock()
        return report.withLock { $0 }
    }

    /// Tells when a clock that ran ahead has left its time behind. Which is wrong, that or this machine's, is not the store's to say.
    private func checkClock() throws {
        let seen = try catalog.read { try $0.first("SELECT now FROM clock") { $0.int(0) } ?? 0 }
        let ahead = seen.subtractingReportingOverflow(Clock.now)
        guard ahead.overflow || ahead.partialValue >= VerifyReport.farAhead else { return }
        looked { $0.clockAhead = ahead.overflow ? .max : ahead.partialValue }
    }

    var catalog: Catalog { store.catalog }

    /// Notes a finding.
    func found(_ finding: Finding) { report.withLock { $0.add(finding) } }

    /// Counts what is no damage.
    func left(_ what: Leftover, _ count: Int) {
        guard count > 0 else { return }
        report.withLock { $0.leftovers[what, default: 0] += count }
    }

    /// Counts what was looked at.
    func looked(_ count: (inout VerifyReport) -> Void) { report.withLock { count(&$0) } }

    /// Runs `body` with each of the things that `next` gives, on as many threads as there are processors.
    func each<Item>(_ next: @escaping @Sendable () throws -> Item?, _ body: @escaping @Sendable (Item) throws -> Void) throws {
        let threads = Host.processors
        try WorkerPool.forEach(0..<threads, threads: threads) { _ in
            while let item = try next() { try body(item) }
        }
    }
}
