import RxModel
import RxPosix
import Synchronization

extension StoreCheck {
    /// How many lost blobs are asked for together.
    private static let lostBatch = 256

    /// Compares the blobs' rows with their files, and the files with the rows.
    func checkBlobs() throws {
        let totals = try catalog.read { database in
            try database.first("SELECT count(*), CAST(total(min(size, 9007199254740992)) AS INTEGER) FROM blobs") {
                (count: $0.int(0), bytes: $0.int(1))
            }!
        }
        looked { report in
            report.blobs = totals.count
            report.bytes = totals.bytes
        }
        let hashesAll = options.sample == nil
        helper.begin("verifying", blobs: totals.count, bytes: totals.bytes)
        let lost = LostBlobs()
        let walk = BlobWalk(store, sample: options.sample)
        try each(walk.next) { [self] blob in
            try check(blob, hashing: hashesAll, lost)
            helper.advance(blobs: 1, bytes: hashesAll ? 0 : blob.size)
        }
        left(.orphans, walk.orphans)
        left(.strangers, walk.strangers)
        if !hashesAll {
            // Neighbours of one folder together.
            let chosen = walk.sample.sorted { $0.digest < $1.digest }
            helper.begin("hashing", blobs: chosen.count, bytes: chosen.reduce(0) { $0.bounded(plus: $1.size) })
            try WorkerPool.forEach(0..<chosen.count, threads: Host.processors) { [self] index in
                try check(chosen[index], hashing: true, lost)
                helper.advance(blobs: 1, bytes: 0)
            }
        }
        try recover(lost.take(atLeast: 1))
    }

    private func check(_ blob: StagedBlob, hashing: Bool, _ lost: LostBlobs) throws {
        let suspect = try store.look(at: blob, hashing: hashing) { [helper] in helper.advance(blobs: 0, bytes: $0) }
        if hashing {
            looked { report in
                report.hashedBlobs += 1
                report.hashedBytes = report.hashedBytes.bounded(plus: blob.size)
            }
        }
        guard let suspect else { return }
        guard let found = try assess(suspect) else { return }
        if found.isOver { self.found(found.finding) } else { lost.add(found) }
        let batch = lost.take(atLeast: StoreCheck.lostBatch)
        if !batch.isEmpty { try recover(batch) }
    }

    /// Confirms a fault while nobody changes the store and, where that is asked for, makes room for the right file. Nil when it is none.
    private func assess(_ suspect: SuspectBlob) throws -> FoundBlob? {
        func look(_ database: Database) throws -> FoundBlob? {
            guard try store.isConfirmed(suspect, database) else { return nil }
            let naming = try database.naming(suspect.blob.digest)
            let finding = finding(suspect, naming.locators)
            switch suspect.fault {
            case .missing where naming.places.isEmpty:
                // Nobody is told that it is there, and the next put brings it: a put that a power failure undid, or damage that was set aside.
                left(.unfinished, 1)
                return nil
            case .row(let size):
                guard options.repairs else { return FoundBlob(finding: finding) }
                try database.run("UPDATE blobs SET size = ? WHERE digest = ?", .integer(size), .digest(suspect.blob.digest))
                return FoundBlob(finding: finding.repaired)
            case .missing: break
            case .length, .bytes, .unreadable:
                guard options.repairs else { return FoundBlob(finding: finding) }
                do { try store.setAside(suspect.blob.digest, database) } catch let error as PosixError where !error.isOfProcess {
                    return FoundBlob(finding: finding)
                }
                // What nobody names is no loss to anybody.
                if naming.places.isEmpty { return FoundBlob(finding: finding.repaired) }
            }
            let lost = options.repairs ? LostBlob(blob: suspect.blob, places: naming.places) : nil
            return FoundBlob(finding: finding, lost: lost)
        }
        return try options.repairs ? catalog.write { database, _ in try look(database) } : catalog.exclusively(look)
    }

    private func finding(_ suspect: SuspectBlob, _ locators: [String]) -> Finding {
        let blob = suspect.blob
        let path = store.layout.blob(blob.digest)
        let advice = locators.isEmpty ? nil : StoreCheck.advice(locators)
        func finding(_ kind: Finding.Kind, _ message: String, advice: String? = advice) -> Finding {
            Finding(kind, message, digest: blob.digest, path: path, resources: locators, advice: advice)
        }
        switch suspect.fault {
        case .missing: return finding(.blobMissing, "the file of blob \(blob.digest) is missing")
        case .length(let size): return finding(.blobLength, "the file of blob \(blob.digest) has \(size) bytes, not \(blob.size)")
        case .row(let size):
            let message = "the catalog says that blob \(blob.digest) has \(blob.size) bytes, and it has \(size)"
            return finding(.rowSize, message, advice: StoreCheck.repairAdvice)
        case .bytes(let got): return finding(.blobBytes, "the file of blob \(blob.digest) holds other bytes: \(got)")
        case .unreadable(let words): return finding(.blobUnreadable, "the file of blob \(blob.digest) cannot be read: \(words)")
        }
    }

    /// What a person can do for resources that lack something.
    static func advice(_ locators: [String]) -> String {
        let first = locators[0]
        let isCopy = (try? Locator(parsing: first))?.registry != nil
        return isCopy
            ? "rx verify --repair fetches it again; so does rx pull \(first)"
            : "rx verify --repair asks the configured registries for it; or push it from where it still is, or rx add its source again"
    }

    /// Gets lost blobs back and notes which came.
    func recover(_ found: [FoundBlob]) throws {
        let lost = found.compactMap(\.lost)
        if !lost.isEmpty {
            try store.restore(lost)
            let missing = try lost.filter { try !isHere($0.blob) }
            if !missing.isEmpty { try helper.fetch(missing) }
        }
        for each in found {
            let isRepaired = try each.lost.map { try isHere($0.blob) } ?? false
            self.found(isRepaired ? each.finding.repaired : each.finding)
        }
    }

    private func isHere(_ blob: StagedBlob) throws -> Bool {
        let hasRow = try catalog.read { try $0.blobAddedAt(blob.digest, size: blob.size) != nil }
        return try hasRow && store.look(at: blob, hashing: true) == nil
    }
}

/// A confirmed fault, and what is needed to repair it.
struct FoundBlob {
    let finding: Finding
    /// What has to come from somewhere; nil when nothing has to.
    var lost: LostBlob?
    /// Whether nothing more can be done for it.
    var isOver: Bool { lost == nil }
}

extension Finding {
    /// The same, put right.
    var repaired: Finding {
        var copy = self
        copy.isRepaired = true
        copy.advice = nil
        return copy
    }
}

/// Blobs that wait to be got back together.
final class LostBlobs: Sendable {
    private let waiting = Mutex<[FoundBlob]>([])

    func add(_ blob: FoundBlob) { waiting.withLock { $0.append(blob) } }

    /// Takes all of them out, when they are so many.
    func take(atLeast count: Int) -> [FoundBlob] {
        waiting.withLock { waiting in
            guard waiting.count >= count else { return [] }
            defer { waiting = [] }
            return waiting
        }
    }
}
