import RxModel

extension StoreCheck {
    /// Times of one table that are below 0 or beyond `Row.lastTime`: how to count the rows, and how to put the present in their place.
    private struct TimeCheck {
        let table: String
        let count: StaticString
        let repair: StaticString
        /// How much later than now the time is that is put there, in seconds: what is promised to somebody for a while begins anew.
        var lasting = 0
    }

    private var timeChecks: [TimeCheck] {
        [
            TimeCheck(
                table: "blobs", count: "SELECT count(*) FROM blobs WHERE added_at NOT BETWEEN 0 AND 1099511627776",
                repair: "UPDATE blobs SET added_at = ?1 WHERE added_at NOT BETWEEN 0 AND 1099511627776"),
            TimeCheck(
                table: "leases", count: "SELECT count(*) FROM leases WHERE until NOT BETWEEN 0 AND 1099511627776",
                repair: "UPDATE leases SET until = ?1 WHERE until NOT BETWEEN 0 AND 1099511627776", lasting: store.leaseTime),
            TimeCheck(
                table: "uploads", count: "SELECT count(*) FROM uploads WHERE until NOT BETWEEN 0 AND 1099511627776",
                repair: "UPDATE uploads SET until = ?1 WHERE until NOT BETWEEN 0 AND 1099511627776", lasting: store.uploadTime),
            TimeCheck(
                table: "tags",
                count: """
                    SELECT count(*) FROM tags
                    WHERE created_at NOT BETWEEN 0 AND 1099511627776 OR updated_at NOT BETWEEN 0 AND 1099511627776
                    """,
                repair: """
                    UPDATE tags SET created_at = iif(created_at BETWEEN 0 AND 1099511627776, created_at, ?1),
                        updated_at = iif(updated_at BETWEEN 0 AND 1099511627776, updated_at, ?1)
                    WHERE created_at NOT BETWEEN 0 AND 1099511627776 OR updated_at NOT BETWEEN 0 AND 1099511627776
                    """),
            TimeCheck(
                table: "untagged", count: "SELECT count(*) FROM untagged WHERE since NOT BETWEEN 0 AND 1099511627776",
                repair: "UPDATE untagged SET since = ?1 WHERE since NOT BETWEEN 0 AND 1099511627776"),
            TimeCheck(
                table: "pins", count: "SELECT count(*) FROM pins WHERE pinned_at NOT BETWEEN 0 AND 1099511627776",
                repair: "UPDATE pins SET pinned_at = ?1 WHERE pinned_at NOT BETWEEN 0 AND 1099511627776"),
            TimeCheck(
                table: "uses", count: "SELECT count(*) FROM uses WHERE used_at NOT BETWEEN 0 AND 1099511627776",
                repair: "UPDATE uses SET used_at = ?1 WHERE used_at NOT BETWEEN 0 AND 1099511627776"),
            TimeCheck(
                table: "partial_copies", count: "SELECT count(*) FROM partial_copies WHERE used_at NOT BETWEEN 0 AND 1099511627776",
                repair: "UPDATE partial_copies SET used_at = ?1 WHERE used_at NOT BETWEEN 0 AND 1099511627776"),
        ]
    }

    /// Finds times that no clock has told; put right, they are now.
    func checkTimes() throws {
        for check in timeChecks {
            func look(_ database: Database) throws -> Int { try database.first(check.count) { $0.int(0) } ?? 0 }
            guard try catalog.read(look) > 0 else { continue }
            let count =
                try options.repairs
                ? catalog.write { database, now in try database.run(check.repair, .integer(now + check.lasting)) }
                : catalog.exclusively(look)
            guard count > 0 else { continue }
            let rows = count == 1 ? "1 row of \(check.table) holds" : "\(count) rows of \(check.table) hold"
            let finding = Finding(.time, "\(rows) a time that cannot be", advice: "rx verify --repair puts the present time there")
            found(options.repairs ? finding.repaired : finding)
        }
    }
}
