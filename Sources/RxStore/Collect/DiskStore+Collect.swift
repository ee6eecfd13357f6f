import Glibc
import RxModel
import RxPosix

extension DiskStore {
    public func collect(_ options: CollectionOptions) throws -> CollectionReport {
        let started = Clock.monotonic
        let lock = options.dryRun ? nil : try lockCollection(options)
        defer { lock.map { _ = flock($0.number, LOCK_UN) } }
        if !options.dryRun { try recoverForCollection() }
        let run = CollectionRun(self, options)
        try run.go()
        run.report.seconds = Double(Clock.monotonic - started) / 1e9
        return run.report
    }

    /// Takes the lock that lets one process at a time collect; it goes with the descriptor, or the process.
    private func lockCollection(_ options: CollectionOptions) throws -> FileDescriptor? {
        let lock = try FileDescriptor.open(layout.collectLock, O_RDWR | O_CREAT, mode: 0o644)
        while flock(lock.number, LOCK_EX | LOCK_NB) != 0 {
            guard errno == EWOULDBLOCK || errno == EINTR else { throw PosixError("flock", lock.path, errno: errno) }
            guard options.waits, options.observer?.reached(CollectionProgress(phase: .waiting)) ?? true else {
                throw CollectionRunningError()
            }
            usleep(DiskStore.lockPause)
        }
        return lock
    }

    /// How long to wait between two looks at the lock, in microseconds.
    private static let lockPause: UInt32 = 50_000
}

/// One collection of a disk store. Used by one thread. Source: Specs/05-store, "Collection".
final class CollectionRun {
    /// How many files wait in trash/ at most before they are deleted: until then the log that they are forgotten in is not synced.
    static let filesAside = 4096
    /// How many files are deleted at a time while others write.
    static let filesAtOnce = 32
    /// How often the observer is told, in nanoseconds.
    private static let tellingTime = 50_000_000

    let layout: StoreLayout
    let catalog: Catalog
    let options: CollectionOptions
    var report = CollectionReport()
    /// Whether the observer has asked to end.
    private(set) var isStopped = false
    /// How many blobs there were in all, where somebody wants to know.
    private(set) var blobs = 0
    /// How many blobs it is through with.
    var passed: Int { report.kept.named + report.kept.partial + report.kept.leased + report.blobs }
    /// The names of files in trash/ whose rows are gone.
    var aside: [String] = []
    private var trash: OpenFolder?
    /// What tells this collection's files in trash/ from those of others.
    let mark = RandomName.make()
    private let store: DiskStore
    private var toldAt = 0

    init(_ store: DiskStore, _ options: CollectionOptions) {
        self.store = store
        self.options = options
        layout = store.layout
        catalog = store.catalog
    }

    /// How long the store's leases last, in seconds.
    var leaseTime: Int { store.leaseTime }

    /// What keeps things at the time `now` (seconds since 1970).
    func rule(at now: Int) -> KeepingRule { KeepingRule(times(at: now)) }

    private func times(at now: Int) -> CollectionTimes { CollectionTimes(options, leaseTime: store.leaseTime, now: now) }

    /// Deletes, or counts, everything.
    func go() throws {
        let fresh = options.dryRun ? 0 : try store.fresh.newest()
        report.expired = try store.expire(options)
        // What a dry run leaves counts as gone.
        let going = options.dryRun && !report.expired.isEmpty ? Set(report.expired.map(\.reference)) : nil
        let live = try catalog.read { database in
            try LiveManifests(database, rule(at: try database.now()), keepsTag: going.map { going in { !going.contains($0) } })
        }
        report.kept = live.kept
        var dead = (manifests: IDSet(), partial: IDSet())
        if options.dryRun {
            report.manifests = live.dead.count
            report.referrers = live.deadReferrers
            for id in live.dead + live.forgotten { dead.manifests.insert(id) }
        } else {
            try sweepManifests(live)
        }
        dead.partial = try sweepPartialCopies()
        if options.observer != nil { blobs = try catalog.read { try $0.first("SELECT count(*) FROM blobs") { $0.int(0) } ?? 0 } }
        for prefix in 0..<256 where !isAskedToStop(.blobs, passed, blobs) { try collect(prefix, dead) }
        try emptyTrash()
        if !isStopped { try collectLeftovers() }
        report.isComplete = !isStopped
        guard !options.dryRun, !isStopped else { return }
        // Last, because files that are written anew need room. Where there is none, the catalog keeps the bytes until there is. What came
        // meanwhile is others' to look after, who are alive.
        do { try store.fresh.drain(othersTo: fresh) } catch let error as any ResourceError where error.code == .storageFull {}
    }

    /// Collects blobs, leases and files whose digests begin with one byte.
    private func collect(_ prefix: Int, _ dead: (manifests: IDSet, partial: IDSet)) throws {
        // The files first: what is put after it is no file here, and what has gone before has no row.
        let folder = "\(layout.blobs)/\(StoreLayout.prefixes[prefix])"
        var files: [Digest] = []
        try Files.eachName(in: folder) { name in Digest(rawHex: name).map { files.append($0) } }
        files.sort()
        let found = try catalog.paced {
            try catalog.read { database in
                try PrefixFindings(database, prefix, files: files, dead: dead, leaseEnd: rule(at: try database.now()).leaseEnd)
            }
        }
        report.kept.named += found.named
        report.kept.partial += found.partial
        report.kept.leased += found.leased
        guard !options.dryRun else {
            report.blobs += found.dead.count
            report.bytes = found.dead.reduce(report.bytes) { $0.bounded(plus: $1.size) }
            if !found.orphans.isEmpty { report.leftoverKinds.orphans += try catalog.exclusively { try orphans(found.orphans, $0).count } }
            return
        }
        try sweepBlobs(found.dead)
        try sweepOrphans(found.orphans)
        try catalog.inTurns(found.expired, unless: { isStopped }) { turn, lease in
            try turn.database.run(
                "DELETE FROM leases WHERE owner = ? AND digest = ? AND until <= ?", .text(lease.owner), .digest(lease.digest),
                .integer(rule(at: turn.now).leaseEnd))
        }
    }

    /// Staging folders, uploads, fronts of blobs, archives and other names that nobody needs any more.
    private func collectLeftovers() throws {
        let delete = !options.dryRun
        if delete {
            let dead = try StagingFolder.moveAbandoned(in: layout.staging, to: layout.trash)
            // What cannot be removed now is in trash/ and goes with the next start.
            for path in dead { try? Files.removeTree(path) }
            report.leftoverKinds.staging = dead.count
        } else {
            report.leftoverKinds.staging = try StagingFolder.abandoned(in: layout.staging).count
        }
        report.leftoverKinds.uploads = try store.abandonedUploads(delete: delete)
        report.leftoverKinds.partials = try DiskPartial.forget(
            in: layout.partials, before: Clock.now - times(at: Clock.now).grace, delete: delete)
        let archives = try staleArchives()
        report.leftoverKinds.archives = archives.count
        guard delete else { return }
        for name in archives { Files.discard("\(layout.archives)/\(name)") }
        try store.forgetDamaged(before: Clock.now - DiskStore.damagedTime)
        try sweepAliases()
    }

    /// The cached archives of manifests that are gone, and those without a seal, which nobody uses any more.
    private func staleArchives() throws -> [String] {
        // All of cache/ may be deleted while this process runs.
        let names = try Files.rawNames(in: layout.archives).map { String(decoding: $0, as: UTF8.self) }
        return try catalog.read { database in
            try names.filter { name in
                guard let digest = SealedArchive.manifest(ofName: name) else { return Digest(hex: name.prefix(64)) != nil }
                return try database.first("SELECT 1 FROM manifests WHERE digest = ? LIMIT 1", .digest(digest)) { _ in true } == nil
            }
        }
    }

    /// Tells the observer, and gives whether to end now.
    func isAskedToStop(_ phase: CollectionProgress.Phase, _ done: Int, _ total: Int) -> Bool {
        guard let observer = options.observer, !isStopped, Clock.monotonic - toldAt >= CollectionRun.tellingTime else { return isStopped }
        toldAt = Clock.monotonic
        isStopped = !observer.reached(CollectionProgress(phase: phase, done: done, total: total, report: report))
        return isStopped
    }

    /// Deletes the files that were moved aside, once the log that their rows are gone from is durable: a power failure brings neither a row
    /// nor a manifest back whose files are gone.
    func emptyTrash() throws {
        guard !aside.isEmpty else { return }
        try store.uploadSync.sync(folder: nil)
        let trash = try openTrash()
        for start in stride(from: 0, to: aside.count, by: CollectionRun.filesAtOnce) {
            try catalog.paced {
                for name in aside[start..<min(start + CollectionRun.filesAtOnce, aside.count)] {
                    do { try trash.remove(name) } catch let error as PosixError {
                        if error.isOfProcess { throw error }
                        // A folder that was named like a blob. What cannot be deleted is left to the next start or collection.
                        if error.errno == EISDIR { try? Files.removeTree("\(layout.trash)/\(name)") }
                    }
                }
            }
        }
        aside = []
    }

    /// trash/, opened once.
    func openTrash() throws -> OpenFolder {
        if let trash { return trash }
        let opened = try OpenFolder(layout.trash)
        trash = opened
        return opened
    }
}
