package import RxModel

/// One thing that somebody tried, and what came of it. Times are nanoseconds on one clock that never goes back.
package struct Event: Sendable {
    /// What was tried.
    package enum Kind: Sendable {
        /// Making a name stand for a version.
        case put(Int)
        /// Taking a name away.
        case remove
        /// Reading what a name stands for.
        case read
    }

    /// What came of it.
    package enum Outcome: Sendable {
        /// It was reported as done.
        case done
        /// It was not: it may have been done, wholly, or not at all.
        case unknown
        /// A read found this version, every byte of it.
        case found(Int)
        /// A read was told that there is nothing.
        case absent
        /// A read failed, and said so.
        case failed
        /// A reader was sent a blob of this version with other bytes than its digest says, which whoever asks by digest sees.
        case broken(Int)
        /// A read ended well with bytes that are those of no version.
        case wrong
    }

    /// The store's number, and what the name stands for in it.
    package let store: Int
    package let name: String
    package let kind: Kind
    package let outcome: Outcome
    package let start: Int
    package let end: Int
    /// The number of the epoch; the last one has no faults.
    package let epoch: Int
    /// What happened, in words.
    package let words: String

    /// Notes an event.
    package init(
        store: Int, name: String, kind: Kind, outcome: Outcome, start: Int, end: Int, epoch: Int, words: String = ""
    ) {
        self.store = store
        self.name = name
        self.kind = kind
        self.outcome = outcome
        self.start = start
        self.end = end
        self.epoch = epoch
        self.words = words
    }
}

/// A blob's file that was damaged at rest, and when it was put again, if it was.
package struct DamagedBlob: Sendable {
    package let store: Int
    package let digest: Digest
    package let start: Int
    package var healed: Int?

    /// Notes a damage.
    package init(store: Int, digest: Digest, start: Int, healed: Int? = nil) {
        self.store = store
        self.digest = digest
        self.start = start
        self.healed = healed
    }
}

/// What a rule of the history was broken by.
package struct Violation: Hashable, Sendable, CustomStringConvertible {
    /// In words.
    package let description: String

    /// Describes it.
    package init(_ description: String) { self.description = description }
}

/// All that was tried in a round. Source: Specs/14-torture, "History".
package struct History: Sendable {
    /// What was tried, in any order.
    package var events: [Event] = []
    /// When everything that ran in an epoch was dead.
    package var epochEnds: [Int] = []
    /// Blobs that were damaged while nothing ran.
    package var damages: [DamagedBlob] = []
    /// The first epoch in which nothing is made to fail: reads have to succeed.
    package var calm = 0
    /// Whether the registry hashes what it sends to plain clients: else whoever asks for a blob by its digest finds out.
    package var hashesWhatItSends = false
    /// The blobs of each version.
    package var blobs: [Int: Set<Digest>] = [:]

    /// An empty one.
    package init() {}

    /// What breaks a rule. Source: TOR-020 to TOR-024.
    package func violations() -> [Violation] {
        var found: [Violation] = []
        for (key, events) in Dictionary(grouping: events, by: { "\($0.store) \($0.name)" }).sorted(by: { $0.key < $1.key }) {
            for event in events {
                if case .read = event.kind, let why = judge(event, among: events) { found.append(Violation("\(key): \(why)")) }
            }
        }
        return found
    }

    /// Why a read cannot have gone like this; nil when it can.
    private func judge(_ read: Event, among events: [Event]) -> String? {
        let possible = possibleVersions(at: read, among: events)
        switch read.outcome {
        case .done, .unknown: return nil
        case .wrong: return "wrong bytes: \(read.words)"
        case .found(let version):
            guard !possible.contains(version) else { return nil }
            return "version \(version) was read, which cannot be there: \(read.words); possible: \(words(possible))"
        case .absent:
            guard !possible.contains(nil) else { return nil }
            return "lost: nothing was read: \(read.words); possible: \(words(possible))"
        case .broken(let version):
            guard hashesWhatItSends || !isDamaged(version, read) else { return nil }
            return "wrong bytes of a blob: \(read.words)"
        case .failed:
            guard read.epoch >= calm, !possible.contains(where: { isDamaged($0, read) }) else { return nil }
            return "cannot be read: \(read.words); possible: \(words(possible))"
        }
    }

    /// What the name can stand for while it is read: each version that was put, and nil for nothing, unless something else was reported
    /// as done after it and before the read.
    private func possibleVersions(at read: Event, among events: [Event]) -> Set<Int?> {
        struct Write {
            let version: Int?
            let start: Int
            let end: Int
            let isSure: Bool
        }
        var writes = [Write(version: nil, start: .min, end: .min, isSure: true)]
        for event in events {
            let version: Int?
            switch event.kind {
            case .put(let number): version = number
            case .remove: version = nil
            case .read: continue
            }
            switch event.outcome {
            case .done: writes.append(Write(version: version, start: event.start, end: event.end, isSure: true))
            // Whoever asked is gone, but who was asked may still be at it until all are dead.
            case .unknown:
                let end = event.epoch < epochEnds.count ? epochEnds[event.epoch] : Int.max
                writes.append(Write(version: version, start: event.start, end: max(end, event.end), isSure: false))
            default: continue
            }
        }
        let sure = writes.filter { $0.isSure && $0.end < read.start }
        return Set(
            writes.filter { write in write.start < read.end && !sure.contains { $0.start > write.end } }.map(\.version))
    }

    private func isDamaged(_ version: Int?, _ read: Event) -> Bool {
        guard let version, let blobs = blobs[version] else { return false }
        return damages.contains {
            $0.store == read.store && blobs.contains($0.digest) && $0.start < read.end && ($0.healed ?? Int.max) > read.start
        }
    }

    private func words(_ versions: Set<Int?>) -> String {
        versions.map { $0.map { "version \($0)" } ?? "nothing" }.sorted().joined(separator: ", ")
    }

    /// The history as it is printed, in the order of its beginnings; times in milliseconds from the first.
    package var text: String {
        // What may have happened at any time began before all.
        let first = events.map(\.start).filter { $0 != .min }.min() ?? 0
        let lines = events.sorted { $0.start < $1.start }.map { event in
            let times = "\((max(event.start, first) - first) / 1_000_000)..\((event.end - first) / 1_000_000) ms"
            return "  epoch \(event.epoch) \(times): store \(event.store) \(event.name): \(event.kind) -> \(event.outcome) \(event.words)"
        }
        let damaged = damages.map { "  damaged: store \($0.store) \($0.digest)" }
        return (lines + damaged).joined(separator: "\n")
    }
}
