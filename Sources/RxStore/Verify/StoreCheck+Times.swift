import RxModel

extension StoreCheck {
    /// A column of times, and what a time is set to that cannot be one.
    private struct Times {
        let what: String
        let count: StaticString
        let mend: StaticString
        /// How long after `now` what it says may be, in seconds.
        var lasts = 0
    }

    /// Looks for times that nobody has written: before 1970, or later than anything that is counted from a time of the catalog. Whatever they
    /// are, they are read as the nearest that can be, and nothing would end.
    func checkTimes() throws {
        let columns = [
            Times(
                what: "blobs", count: "SELECT count(*) FROM blobs WHERE added_at NOT BETWEEN 0 AND ?",
                mend: "UPDATE blobs SET added_at = ?2 WHERE added_at NOT BETWEEN 0 AND ?1"),
            Times(
                what: "leases", count: "SELECT count(*) FROM leases WHERE until NOT BETWEEN 0 AND ?",
                mend: "UPDATE leases SET until = ?2 WHERE until NOT BETWEEN 0 AND ?1", lasts: store.leaseTime),
            Times(
                what: "uploads", count: "SELECT count(*) FROM uploads WHERE until NOT BETWEEN 0 AND ?",
                mend: "UPDATE uploads SET until = ?2 WHERE until NOT BETWEEN 0 AND ?1", lasts: store.uploadTime),
            Times(
                what: "tags", count: "SELECT count(*) FROM tags WHERE created_at NOT BETWEEN 0 AND ?1 OR updated_at NOT BETWEEN 0 AND ?1",
                mend: """
                    UPDATE tags SET created_at = iif(created_at BETWEEN 0 AND ?1, created_at, ?2),
                        updated_at = iif(updated_at BETWEEN 0 AND ?1, updated_at, ?2)
                    WHERE created_at NOT BETWEEN 0 AND ?1 OR updated_at NOT BETWEEN 0 AND ?1
                    """),
            Times(
                what: "untagged", count: "SELECT count(*) FROM untagged WHERE since NOT BETWEEN 0 AND ?",
                mend: "UPDATE untagged SET since = ?2 WHERE since NOT BETWEEN 0 AND ?1"),
            Times(
                what: "pins", count: "SELECT count(*) FROM pins WHERE pinned_at NOT BETWEEN 0 AND ?",
                mend: "UPDATE pins SET pinned_at = ?2 WHERE pinned_at NOT BETWEEN 0 AND ?1"),
            Times(
                what: "uses", count: "SELECT count(*) FROM uses WHERE used_at NOT BETWEEN 0 AND ?",
                mend: "UPDATE uses SET used_at = ?2 WHERE used_at NOT BETWEEN 0 AND ?1"),
            Times(
                what: "partial_copies", count: "SELECT count(*) FROM partial_copies WHERE used_at NOT BETWEEN 0 AND ?",
                mend: "UPDATE partial_copies SET used_at = ?2 WHERE used_at NOT BETWEEN 0 AND ?1"),
        ]
        for each in columns { try check(each) }
    }

    private func check(_ times: Times) throws {
        // What nobody writes is no doing of others.
        let count = try catalog.read { try $0.first(times.count, .integer(Database.latestTime)) { $0.int(0) } ?? 0 }
        guard count > 0 else { return }
        let finding = Finding(
            .catalog, "the catalog: \(count) of the rows of \(times.what) have a time that cannot be", advice: StoreCheck.repairAdvice)
        guard options.repairs else { return found(finding) }
        try catalog.write { database, now in
            try database.run(times.mend, .integer(Database.latestTime), .integer(min(now + times.lasts, Database.latestTime)))
        }
        found(finding.repaired)
    }
}
