import RxModel
import RxPosix

extension CollectionRun {
    /// A file that was moved into trash/, and where it was.
    private struct Moved {
        let digest: Digest
        let aside: String
    }

    /// Forgets each blob that is garbage still and moves its file aside, in short transactions; the files are deleted later. All begin with
    /// one byte, whose folder is opened once.
    func sweepBlobs(_ dead: [StagedBlob]) throws {
        guard let first = dead.first else { return }
        let folder = try OpenFolder(layout.folder(first.digest))
        var next = 0
        while next < dead.count, !isAskedToStop(.blobs, passed, blobs) {
            var moved: [Moved] = []
            var swept = CollectionReport()
            do {
                try catalog.turn { turn in
                    let leaseEnd = rule(at: turn.now).leaseEnd
                    repeat {
                        let blob = dead[next]
                        next += 1
                        guard try turn.database.forgetGarbage(blob.digest, leaseEnd) else { continue }
                        let name = blob.digest.hex
                        if let aside = try moveAside(name, in: folder, as: name) { moved.append(Moved(digest: blob.digest, aside: aside)) }
                        swept.blobs += 1
                        swept.bytes = swept.bytes.bounded(plus: blob.size)
                    } while next < dead.count && !turn.isOver
                }
            } catch {
                // What cannot be put back now is put back by the next start.
                try? putBack(moved)
                throw error
            }
            report.blobs += swept.blobs
            report.bytes = report.bytes.bounded(plus: swept.bytes)
            aside += moved.map(\.aside)
            if aside.count >= CollectionRun.filesAside { try emptyTrash() }
        }
    }

    /// Returns files to their places whose rows came back with a transaction that failed.
    private func putBack(_ moved: [Moved]) throws {
        try catalog.exclusively { database in
            for each in moved where try database.hasBlob(each.digest) {
                let path = layout.blob(each.digest)
                if try Files.status(path) == nil { try Files.rename("\(layout.trash)/\(each.aside)", to: path) }
            }
        }
    }

    /// Deletes blob files that have no row. A put renames and inserts in one write transaction, so a file that has no row inside another
    /// write transaction belongs to nobody, however young it is.
    func sweepOrphans(_ suspects: [Digest]) throws {
        guard let first = suspects.first else { return }
        let folder = try OpenFolder(layout.folder(first))
        try catalog.inTurns(suspects) { turn, digest in
            for digest in try orphans([digest], turn.database) {
                // Its bytes were perhaps never synced: under this name recovery does not take it for the blob.
                guard let moved = try moveAside(digest.hex, in: folder, as: "orphan.\(digest.hex)") else { continue }
                aside.append(moved)
                report.leftoverKinds.orphans += 1
            }
        }
    }

    /// Those of the suspects that are files without a row, while nobody writes.
    func orphans(_ suspects: [Digest], _ database: Database) throws -> [Digest] {
        try suspects.filter { try !database.hasBlob($0) && Files.status(layout.blob($0)) != nil }
    }

    /// Moves a file into trash/ under a name of its own; gives that, or nil when the file was gone, or cannot be moved: it keeps nobody
    /// from the rest, and without a row it is for the next collection. Recovery returns what is named after a blob that has a row.
    private func moveAside(_ name: String, in folder: OpenFolder, as target: String) throws -> String? {
        let aside = "\(target).\(mark)"
        let trash = try openTrash()
        do throws(PosixError) { try folder.move(name, to: trash, as: aside, replacing: true) } catch {
            if error.isOfProcess || error.code == .storageFull { throw error } else { return nil }
        }
        return aside
    }

    /// Deletes other names of what no repository holds or refers to any more: until then they are everybody's.
    func sweepAliases() throws {
        var last = ""
        while !isStopped {
            let names = try catalog.read { try $0.uselessAliases(after: last) }
            guard let end = names.last else { return }
            try catalog.inTurns(names) { turn, name in try turn.database.forgetAlias(name) }
            last = end
        }
    }
}

extension Database {
    func hasBlob(_ digest: Digest) throws -> Bool {
        try first("SELECT 1 FROM blobs WHERE digest = ?", .digest(digest)) { _ in true } ?? false
    }

    /// Deletes a blob's row when neither a manifest nor a partial copy nor a lease that ends after `leaseEnd` keeps it. Gives whether it did.
    func forgetGarbage(_ digest: Digest, _ leaseEnd: Int) throws -> Bool {
        try run(
            """
            DELETE FROM blobs WHERE digest = ?1 AND NOT EXISTS (SELECT 1 FROM refs WHERE digest = ?1)
                AND NOT EXISTS (SELECT 1 FROM partial_refs WHERE digest = ?1)
                AND NOT EXISTS (SELECT 1 FROM leases WHERE digest = ?1 AND until > ?2)
            """, .digest(digest), .integer(leaseEnd)) > 0
    }

    /// Some of the other names that nothing needs, in their order.
    func uselessAliases(after last: String) throws -> [String] {
        try rows(
            """
            SELECT name FROM aliases WHERE name > ? AND NOT EXISTS (SELECT 1 FROM blobs WHERE blobs.digest = aliases.digest)
                AND NOT EXISTS (SELECT 1 FROM manifests WHERE manifests.digest = aliases.digest)
                AND NOT EXISTS (SELECT 1 FROM manifests WHERE subject = 'sha256:' || lower(hex(aliases.digest)))
            ORDER BY name LIMIT 4096
            """, .text(last)
        ) { $0.text(0) }
    }

    /// Deletes another name if nothing needs it.
    func forgetAlias(_ name: String) throws {
        try run(
            """
            DELETE FROM aliases WHERE name = ? AND NOT EXISTS (SELECT 1 FROM blobs WHERE blobs.digest = aliases.digest)
                AND NOT EXISTS (SELECT 1 FROM manifests WHERE manifests.digest = aliases.digest)
                AND NOT EXISTS (SELECT 1 FROM manifests WHERE subject = 'sha256:' || lower(hex(aliases.digest)))
            """, .text(name))
    }
}
