import RxModel

extension CollectionRun {
    /// Deletes partial copies that nobody means any more, and what was left to a collection of those that are deleted. In a dry run it gives
    /// their ids instead. Source: Specs/05-store, STO-170.
    func sweepPartialCopies() throws -> IDSet {
        let (idle, forgotten) = try catalog.read { database in
            try (database.idlePartials(before: idleSince(database.now())), database.forgottenPartials())
        }
        var dead = IDSet()
        guard !options.dryRun else {
            report.partialCopies = idle.count
            for id in idle + forgotten { dead.insert(id) }
            return dead
        }
        try catalog.inTurns(idle, unless: { isStopped }) { turn, id in
            guard try turn.database.isIdlePartial(id, before: idleSince(turn.now)) else { return }
            try turn.database.forgetPartial(id)
            report.partialCopies += 1
        }
        for id in try catalog.read({ try $0.forgottenPartials() }) {
            var isGone = false
            while !isGone, !isAskedToStop(.manifests, report.manifests, report.manifests) {
                try catalog.turn { turn in
                    repeat { isGone = try turn.database.forgetKept(id) } while !isGone && !turn.isOver
                }
            }
        }
        return dead
    }

    /// A partial copy that no tag means is left to those who use it until it was not used since this time.
    private func idleSince(_ now: Int) -> Int { now - min(leaseTime, options.leaseTime ?? leaseTime) }
}

extension Database {
    /// The partial copies that no tag means any more, that nobody has asked for by their digest, and that were last used before a time.
    fileprivate func idlePartials(before time: Int) throws -> [Int] {
        try rows(
            """
            SELECT id FROM partial_copies WHERE registry <> ' forgotten' AND by_digest = 0 AND used_at <= ?
                AND NOT EXISTS (SELECT 1 FROM partial_tags WHERE copy = id)
            """, .integer(time)
        ) { $0.int(0) }
    }

    /// Whether a partial copy is one of those still.
    fileprivate func isIdlePartial(_ id: Int, before time: Int) throws -> Bool {
        try first(
            """
            SELECT 1 FROM partial_copies WHERE id = ?1 AND registry <> ' forgotten' AND by_digest = 0 AND used_at <= ?2
                AND NOT EXISTS (SELECT 1 FROM partial_tags WHERE copy = ?1)
            """, .integer(id), .integer(time)
        ) { _ in true } ?? false
    }

    /// The partial copies that are deleted, but for what they keep.
    fileprivate func forgottenPartials() throws -> [Int] {
        try rows("SELECT id FROM partial_copies WHERE registry = ' forgotten'") { $0.int(0) }
    }
}
