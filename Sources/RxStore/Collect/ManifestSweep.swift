import RxModel

extension Database {
    /// How many rows of what a manifest names are deleted at once.
    static let namesAtOnce = 256

    /// Deletes a manifest that no tag names any more, with what the catalog knows of it. One that names very much is only put where nobody
    /// looks: what it named goes piece by piece with the next collection, and is kept until then.
    func forgetManifest(_ id: Int) throws {
        try run("DELETE FROM search WHERE rowid = ?", .integer(id))
        let isLong =
            try first(
                """
                SELECT (SELECT count(*) FROM (SELECT 1 FROM refs WHERE manifest = ?1 LIMIT ?2))
                    + (SELECT count(*) FROM (SELECT 1 FROM children WHERE manifest = ?1 LIMIT ?2)) >= ?2
                """, .integer(id), .integer(Database.namesAtOnce)
            ) { $0.int(0) != 0 } ?? false
        guard isLong else {
            try run("DELETE FROM manifests WHERE id = ?", .integer(id))
            return
        }
        try run(
            """
            UPDATE manifests SET registry = ' forgotten', repository = CAST(id AS TEXT), tree = NULL, subject = NULL, by_digest = 0
            WHERE id = ?
            """, .integer(id))
        try run("DELETE FROM untagged WHERE manifest = ?", .integer(id))
        try run("DELETE FROM provides WHERE manifest = ?", .integer(id))
    }

    /// Deletes a part of what a forgotten manifest named, and with the last part the manifest. Gives whether it is gone.
    func forgetNames(_ id: Int) throws -> Bool {
        guard try holding(id)?.registry == Database.forgotten else { return true }
        let refs = try run(
            "DELETE FROM refs WHERE manifest = ?1 AND digest IN (SELECT digest FROM refs WHERE manifest = ?1 LIMIT ?2)", .integer(id),
            .integer(Database.namesAtOnce))
        guard refs == 0 else { return false }
        let children = try run(
            "DELETE FROM children WHERE manifest = ?1 AND digest IN (SELECT digest FROM children WHERE manifest = ?1 LIMIT ?2)",
            .integer(id), .integer(Database.namesAtOnce))
        guard children == 0 else { return false }
        try run("DELETE FROM search WHERE rowid = ?", .integer(id))
        try run("DELETE FROM manifests WHERE id = ?", .integer(id))
        return true
    }
}

extension CollectionRun {
    /// Deletes the manifests that nothing keeps. What is named by another that goes waits until that is gone.
    func sweepManifests(_ live: LiveManifests) throws {
        var waiting = live.dead
        while !waiting.isEmpty, !isStopped {
            var kept: [Int] = []
            try catalog.inTurns(waiting, unless: { isAskedToStop(.manifests, report.manifests, live.dead.count) }) { turn, id in
                let rule = rule(at: turn.now)
                guard try turn.database.isWithoutHolder(id, rule) else { return kept.append(id) }
                let isReferrer = try turn.database.holding(id)?.subject != nil
                try turn.database.forgetManifest(id)
                report.manifests += 1
                if isReferrer { report.referrers += 1 }
            }
            // Whoever is still kept has found somebody new.
            guard kept.count < waiting.count else { break }
            waiting = kept
        }
        try sweepForgotten()
    }

    /// Deletes what manifests named that are gone.
    private func sweepForgotten() throws {
        let ids = try catalog.read { database in
            try database.rows("SELECT id FROM manifests WHERE registry = ' forgotten'") { $0.int(0) }
        }
        for id in ids {
            var isGone = false
            while !isGone, !isAskedToStop(.manifests, report.manifests, report.manifests) {
                try catalog.turn { turn in
                    repeat { isGone = try turn.database.forgetNames(id) } while !isGone && !turn.isOver
                }
            }
        }
    }
}
