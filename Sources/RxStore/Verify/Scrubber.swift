import Glibc
import RxModel
import RxPosix
import Synchronization

/// Reads all blobs of a store again and again, slowly, and sets aside what a disk has changed. Of all processes that do so with one folder,
/// one does at a time. Where it is is kept in the folder. Source: Specs/05-store, "Scrub".
public final class Scrubber: Sendable {
    /// So long after a pass has begun, the next one may, in seconds.
    public static let passTime = 3600
    /// A blob counts as so many bytes at least: finding it costs, too.
    static let leastBytes = 4096
    /// How often the place is written down, and how often others look whether they may begin, in seconds.
    static let noteTime = 30
    private static let pageSize = 256

    private let store: DiskStore
    private let rate: Int
    private let passTime: Int
    private let report: @Sendable (String) -> Void
    private let isStopped = Monitor(false)
    private let thread = Mutex<Thread?>(nil)
    /// Files that could not be read in this pass or the one before it. Used by one thread.
    private let unreadable = Mutex<[Digest: UInt64]>([:])

    /// Reads `rate` bytes a second; `report` is told of damage.
    public init(_ store: DiskStore, rate: Int, passTime: Int = Scrubber.passTime, report: @escaping @Sendable (String) -> Void) {
        self.store = store
        self.rate = max(1, rate)
        self.passTime = passTime
        self.report = report
    }

    /// Begins, on a thread of its own.
    public func start() { thread.withLock { $0 = Thread { [self] in work() } } }

    /// Ends it; where it was is kept.
    public func stop() {
        isStopped.update { $0 = true }
        thread.withLock { $0.take() }?.join()
    }

    /// Waits; false when it is to stop.
    private func pause(_ seconds: Double) -> Bool { isStopped.wait(seconds: seconds) { $0 ? true : nil } == nil }

    private func work() {
        while true {
            do {
                let lock = try FileDescriptor.open(store.layout.scrubLock, O_RDWR | O_CREAT, mode: 0o644)
                if flock(lock.number, LOCK_EX | LOCK_NB) == 0 { try passes() }
            } catch { report("the store cannot be scrubbed: \(error)") }
            guard pause(Double(Scrubber.noteTime)) else { return }
        }
    }

    /// Passes over the store, one after the other, until it is to stop.
    private func passes() throws {
        while true {
            var place = ScrubPlace.read(store.layout.scrub)
            if place.after == nil {
                let rest = place.startedAt + passTime - Clock.now
                // A clock that was set back is no reason to wait.
                if rest > 0, rest <= passTime {
                    guard pause(Double(rest)) else { return }
                }
                place = ScrubPlace(startedAt: Clock.now, passes: place.passes)
            }
            let isOver: Bool
            do { isOver = try pass(&place) } catch {
                // Whoever goes on does not begin with what was read before.
                place.write(store.layout.scrub)
                throw error
            }
            guard isOver else { return place.write(store.layout.scrub) }
            place.after = nil
            place.passes += 1
            place.write(store.layout.scrub)
        }
    }

    /// Goes on to the end of the blobs; false when it is to stop before.
    private func pass(_ place: inout ScrubPlace) throws -> Bool {
        var brake = Brake(rate: rate)
        var notedAt = Clock.monotonic
        while case let page = try page(after: place.after), !page.isEmpty {
            for blob in page {
                var isGoing = true
                let suspect = try store.look(at: blob, hashing: true, uncached: true) { count in
                    if isGoing { isGoing = self.pause(brake.time(for: count)) }
                }
                // Half a blob says nothing: it is read again when this begins anew.
                guard isGoing, pause(brake.time(for: max(0, Scrubber.leastBytes - blob.size))) else { return false }
                if let suspect { try setAside(suspect) } else { unreadable.withLock { _ = $0.removeValue(forKey: blob.digest) } }
                place.after = blob.digest
                if Clock.monotonic - notedAt > Scrubber.noteTime * 1_000_000_000 {
                    place.write(store.layout.scrub)
                    notedAt = Clock.monotonic
                }
            }
        }
        return true
    }

    private func page(after last: Digest?) throws -> [StagedBlob] {
        try store.catalog.read { database in
            try database.rows(
                "SELECT digest, size FROM blobs WHERE digest > ? ORDER BY digest LIMIT ?", last.map { .digest($0) } ?? .blob([]),
                .integer(Scrubber.pageSize)
            ) { StagedBlob(digest: try $0.digest(0), size: $0.size(1)) }
        }
    }

    /// Makes sure of a fault, and takes the file away from those who would be given it.
    private func setAside(_ suspect: SuspectBlob) throws {
        // One that is missing is known to be: whoever asks is told so.
        switch suspect.fault {
        case .missing, .row: return
        case .length, .bytes: break
        case .unreadable(let why):
            // Its bytes may be right, and a disk that is back tomorrow may read them.
            let inode = try suspect.file.map { UInt64(try $0.status().st_ino) } ?? 0
            let isLasting = unreadable.withLock { $0.updateValue(inode, forKey: suspect.blob.digest) == inode }
            guard isLasting else {
                return report(
                    "blob \(suspect.blob.digest) cannot be read: \(why); it is set aside if the next pass cannot read it either")
            }
        }
        let naming: Naming?
        do {
            naming = try store.catalog.write { database, _ in
                guard try store.isConfirmed(suspect, database) else { return nil }
                try store.setAside(suspect.blob.digest, database)
                return try database.naming(suspect.blob.digest)
            }
        } catch let error as PosixError where !error.isOfProcess {
            return report("blob \(suspect.blob.digest) is damaged and cannot be set aside: \(error.message)")
        }
        guard let naming else { return }
        let needed = naming.locators.isEmpty ? "no resource needs it" : "needed by \(naming.locators.joined(separator: ", "))"
        report("blob \(suspect.blob.digest) is damaged and was set aside; \(needed); the next push of it, or rx verify --repair, mends it")
    }
}

/// Keeps work to a number of bytes a second.
private struct Brake {
    let rate: Int
    /// When what was done may be over, in nanoseconds.
    private var due = Clock.monotonic

    init(rate: Int) { self.rate = rate }

    /// How long to wait after so many bytes, in seconds.
    mutating func time(for bytes: Int) -> Double {
        let now = Clock.monotonic
        // What was left out while it waited for something else is not made up for.
        due = max(due, now - 1_000_000_000) + Int(Double(bytes) / Double(rate) * 1e9)
        return max(0, Double(due - now) / 1e9)
    }
}

/// Where a scrub is. A file that cannot be read, or holds numbers that cannot be, means the start.
struct ScrubPlace: Equatable {
    /// The last blob that was read; nil when a pass is over.
    var after: Digest?
    /// When the pass began, in seconds since 1970.
    var startedAt = 0
    /// How many passes are over.
    var passes = 0

    static func read(_ path: String) -> ScrubPlace {
        guard let bytes = try? Files.read(path, limit: 4096), let json = try? JSON(parsing: bytes),
            case let (startedAt, passes) = (json["startedAt"]?.int ?? 0, json["passes"]?.int ?? 0),
            (0...Database.latestTime).contains(startedAt), (0...Database.largestSize).contains(passes)
        else { return ScrubPlace() }
        return ScrubPlace(after: json["after"]?.string.flatMap { Digest($0) }, startedAt: startedAt, passes: passes)
    }

    /// Keeps it; where that cannot be, the next start begins anew.
    func write(_ path: String) {
        let json = JSON.members([
            "after": after.map { .string($0.description) }, "startedAt": .integer(startedAt), "passes": .integer(passes),
        ])
        try? Files.replace(path, with: json.canonical)
    }
}
