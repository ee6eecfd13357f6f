import RxCrypto
import RxModel
import RxPosix

extension StoreCheck {
    /// The most problems that SQLite tells of, and the most rows of one kind that are put right at once.
    private static let problemLimit = 100

    /// Lets SQLite look at its own file: pages, indexes, constraints.
    func checkFile() throws {
        var problems = try problems()
        if options.repairs, !problems.isEmpty {
            // An index follows from its table.
            _ = try? catalog.write { database, _ in try database.run("REINDEX") }
            let left = try Set(self.problems())
            for text in problems where !left.contains(text) { found(Finding(.catalog, "the catalog: \(text)").repaired) }
            problems = problems.filter { left.contains($0) }
        }
        for text in problems {
            let hint =
                "stop everything that uses the store, copy it, and restore catalog.sqlite from a backup; the blobs beside it are not hurt"
            found(Finding(.catalog, "the catalog: \(text)", path: store.layout.catalog, advice: hint))
        }
    }

    private func problems() throws -> [String] {
        do {
            return try catalog.read { try $0.rows("PRAGMA integrity_check(100)") { $0.text(0) } }.filter { $0 != "ok" }
        } catch let error as RegistryError where error.code == .storeUnusable { return [error.message] }
    }

    /// Looks at the rows that belong to others: tags, references, search words, small blobs' bytes, other names.
    func checkRows() throws {
        try checkTags()
        try checkOwners()
        try checkSearch()
        try checkFresh()
        try checkAliases()
        try checkPartialCopies()
        try checkTimes()
    }

    private func checkTags() throws {
        let count = try catalog.read { try $0.first("SELECT count(*) FROM tags") { $0.int(0) } ?? 0 }
        looked { $0.tags = count }
        func look(_ database: Database) throws -> [(locator: String, isGone: Bool)] {
            try database.rows(
                """
                SELECT tags.registry, tags.repository, tags.tag, manifests.repository FROM tags LEFT JOIN manifests ON manifests.id = tags.manifest
                WHERE manifests.id IS NULL OR manifests.registry <> tags.registry OR manifests.repository <> tags.repository LIMIT ?
                """, .integer(VerifyReport.listed)
            ) { (Reference(registry: $0.text(0), repository: $0.text(1), tag: $0.text(2)).description, $0.isNull(3)) }
        }
        // One state of the catalog: a manifest that has a tag cannot go.
        guard try !catalog.read(look).isEmpty else { return }
        for (locator, isGone) in try catalog.exclusively(look) {
            let why = isGone ? "a manifest that is gone" : "a manifest of another repository"
            found(
                Finding(
                    .tag, "the tag \(locator) names \(why)", resources: [locator],
                    advice: "pull or push it again, or remove the tag: rx remove \(locator)"))
        }
    }

    /// Rows that belong to a manifest or blob that is not there.
    private func checkOwners() throws {
        let checks: [(kind: Finding.Kind, what: String, rows: StaticString, delete: StaticString)] = [
            (
                .references, "refs", "SELECT DISTINCT manifest FROM refs WHERE manifest NOT IN (SELECT id FROM manifests) LIMIT ?",
                "DELETE FROM refs WHERE manifest = ?"
            ),
            (
                .children, "children", "SELECT DISTINCT manifest FROM children WHERE manifest NOT IN (SELECT id FROM manifests) LIMIT ?",
                "DELETE FROM children WHERE manifest = ?"
            ),
            (
                .search, "search", "SELECT rowid FROM search WHERE rowid NOT IN (SELECT id FROM manifests) LIMIT ?",
                "DELETE FROM search WHERE rowid = ?"
            ),
            (
                .provides, "provides",
                "SELECT DISTINCT manifest FROM provides WHERE NOT EXISTS (SELECT 1 FROM manifests WHERE id = provides.manifest) LIMIT ?",
                "DELETE FROM provides WHERE manifest = ?"
            ),
        ]
        for check in checks {
            var last: [Int] = []
            repeat {
                guard try !ids(check.rows).isEmpty else { break }
                // Such a row and its manifest come and go together, so one look in between is enough.
                func look(_ database: Database) throws -> [Int] {
                    try database.rows(check.rows, .integer(StoreCheck.problemLimit)) { $0.int(0) }
                }
                last =
                    try options.repairs
                    ? catalog.write { database, _ in
                        let ids = try look(database)
                        for id in ids { try database.run(check.delete, .integer(id)) }
                        return ids
                    } : catalog.exclusively(look)
                for id in last {
                    let finding = Finding(
                        check.kind, "rows of \(check.what) belong to manifest \(id), which is gone", advice: StoreCheck.repairAdvice)
                    found(options.repairs ? finding.repaired : finding)
                }
            } while options.repairs && last.count == StoreCheck.problemLimit
        }
    }

    private func ids(_ sql: StaticString) throws -> [Int] {
        try catalog.read { try $0.rows(sql, .integer(StoreCheck.problemLimit)) { $0.int(0) } }
    }

    /// Compares the search index with its words, on a copy: only one that is wrong there is looked at while others wait.
    private func checkSearch() throws {
        func isRight() throws -> Bool { try catalog.exclusively { try $0.isSearchRight() } }
        if try isSearchCopyRight() { return }
        guard try !isRight() else { return }
        let finding = Finding(.search, "the search index does not agree with its words", advice: StoreCheck.repairAdvice)
        guard options.repairs else { return found(finding) }
        _ = try? catalog.write { database, _ in try database.run("INSERT INTO search (search) VALUES ('rebuild')") }
        found(try isRight() ? finding.repaired : finding)
    }

    /// Whether a copy of the search index is right; not where there is no room for one.
    private func isSearchCopyRight() throws -> Bool {
        do {
            let folder = try StagingFolder(in: store.layout.staging, name: "search.\(RandomName.make())")
            defer { folder.remove() }
            return try SearchCopy(of: store.layout.catalog, at: "\(folder.path)/search.sqlite").isRight()
        } catch let error as any ResourceError where [.storageFull, .storeUnusable].contains(error.code) { return false }
    }

    private func checkFresh() throws {
        for row in try catalog.read({ try $0.freshRows() }) {
            func look(_ database: Database) throws -> Bool {
                guard let (digest, bytes) = try database.freshBytes(row.id) else { return false }
                return sha256(bytes) != digest
            }
            guard try catalog.read(look), try catalog.exclusively(look) else { continue }
            let finding = Finding(
                .fresh, "the bytes that the catalog holds of blob \(row.digest) are others", digest: row.digest,
                advice: StoreCheck.repairAdvice)
            // The file stands for itself once it is durable.
            guard options.repairs, let size = try? store.size(of: row.digest),
                try store.look(at: StagedBlob(digest: row.digest, size: size), hashing: true) == nil
            else {
                found(finding)
                continue
            }
            try store.layout.open(row.digest).sync()
            try catalog.write { database, _ in try database.forgetFresh(row.id) }
            found(finding.repaired)
        }
    }

    /// Other names of bytes: they are hashed when all blobs are.
    private func checkAliases() throws {
        var last = ""
        while case let page = try aliases(after: last), !page.isEmpty {
            last = page.last!.name
            for (name, digest) in page {
                switch try isRight(name, digest) {
                case true?: break
                case nil: left(.names, 1)
                case false?:
                    let finding = Finding(
                        .alias, "\(name) is not the SHA-512 of \(digest)", digest: digest, advice: StoreCheck.repairAdvice)
                    if options.repairs {
                        try catalog.write { database, _ in
                            try database.run("DELETE FROM aliases WHERE name = ? AND digest = ?", .text(name), .digest(digest))
                        }
                    }
                    found(options.repairs ? finding.repaired : finding)
                }
            }
        }
    }

    private func aliases(after last: String) throws -> [(name: String, digest: Digest)] {
        try catalog.read { database in
            try database.rows(
                "SELECT name, digest FROM aliases WHERE name > ? ORDER BY name LIMIT ?", .text(last), .integer(BlobWalk.pageSize)
            ) { ($0.text(0), try $0.digest(1)) }
        }
    }

    /// Whether a name is that of some bytes; nil when these are gone.
    private func isRight(_ name: String, _ digest: Digest) throws -> Bool? {
        guard let expected = ContentDigest(name) else { return false }
        let manifest = try catalog.read { try $0.first("SELECT bytes FROM manifests WHERE digest = ?", .digest(digest)) { $0.blob(0) } }
        if let manifest { return sha256(manifest) != digest || expected.names(manifest) }
        guard let size = try? store.size(of: digest) else { return nil }
        guard options.sample == nil else { return true }
        let blob = StagedBlob(digest: digest, size: size)
        guard try store.look(at: blob, hashing: true) == nil else { return true }
        return try store.sha512(of: blob).map { $0 == expected }
    }
}

extension DiskStore {
    /// The SHA-512 of a blob's file; nil when it is gone, or cannot be read.
    func sha512(of blob: StagedBlob) throws -> ContentDigest? {
        let hasher = SHA512Hasher()
        do { try file(of: blob).each { hasher.update($0) } } catch let error as any ResourceError {
            if let error = error as? PosixError, error.isOfProcess { throw error }
            return nil
        }
        return hasher.finish()
    }
}
