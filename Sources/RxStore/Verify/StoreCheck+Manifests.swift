import RxCrypto
import RxModel
import RxPosix

extension StoreCheck {
    /// How many ids are looked at in one state of the catalog.
    private static let idBatch = 256

    /// Compares every manifest's bytes with its digest, and with all that the catalog says of it.
    func checkManifests() throws {
        let last = try catalog.read { try $0.first("SELECT coalesce(max(id), 0) FROM manifests") { $0.int(0) } ?? 0 }
        let threads = Host.processors
        try WorkerPool.forEach(0..<(last + StoreCheck.idBatch - 1) / StoreCheck.idBatch, threads: threads) { [self] number in
            let start = number * StoreCheck.idBatch
            // One manifest's bytes are held at a time.
            let (count, suspects) = try catalog.read { database in
                let ids = try database.rows(
                    "SELECT id FROM manifests WHERE id > ? AND id <= ? AND registry <> ' forgotten'", .integer(start),
                    .integer(start + StoreCheck.idBatch)
                ) { $0.int(0) }
                return try (
                    ids.count,
                    ids.filter { id in
                        guard let row = try database.manifestRow(id) else { return false }
                        return try !ManifestCheck(row, database).faults.isEmpty
                    }
                )
            }
            looked { $0.manifests += count }
            for id in suspects { try assess(manifest: id) }
        }
    }

    /// Looks at a manifest again while nobody changes the store, and repairs what can be.
    private func assess(manifest id: Int) throws {
        let bytes = options.repairs ? try rightBytes(of: id) : nil
        var lost: [FoundBlob] = []
        func look(_ database: Database) throws {
            guard let row = try database.manifestRow(id), row.registry != Database.forgotten else { return }
            let check = try ManifestCheck(row, database)
            let naming = try database.naming(manifests: [id])
            if case .bytes? = check.faults.first, let bytes, sha256(bytes) == row.digest {
                try database.run("UPDATE manifests SET bytes = ? WHERE id = ?", .blob(bytes), .integer(id))
                found(finding(check.faults[0], row, naming).repaired)
                // Now what it says can be compared.
                return try look(database)
            }
            for fault in check.faults {
                let finding = finding(fault, row, naming)
                switch fault {
                case .rowMissing(let blob):
                    let places = try database.naming(blob.digest).places
                    lost.append(FoundBlob(finding: finding, lost: options.repairs ? LostBlob(blob: blob, places: places) : nil))
                case _ where options.repairs: found(try repair(fault, check, database) ? finding.repaired : finding)
                default: found(finding)
                }
            }
        }
        if options.repairs { try catalog.write { database, _ in try look(database) } } else { try catalog.exclusively(look) }
        // A file without a row may be just this blob.
        for blob in lost.compactMap({ $0.lost?.blob }) { _ = try store.adoptOrphan(blob) }
        try recover(lost)
    }

    /// The bytes of a manifest whose own are wrong, from another repository or from where it came from.
    private func rightBytes(of id: Int) throws -> [UInt8]? {
        let twin = try catalog.read { database -> (place: LostBlob.Place, bytes: [UInt8]?)? in
            guard let row = try database.manifestRow(id), sha256(row.bytes) != row.digest else { return nil }
            let twins = try database.rows("SELECT id FROM manifests WHERE digest = ? AND id <> ?", .digest(row.digest), .integer(id)) {
                $0.int(0)
            }
            let bytes = twins.lazy.compactMap { try? database.manifestRow($0)?.bytes }.first { sha256($0) == row.digest }
            return (LostBlob.Place(registry: row.registry, repository: row.repository, manifest: row.digest), bytes)
        }
        guard let twin else { return nil }
        return try twin.bytes ?? helper.manifest(twin.place)
    }

    /// Puts right what follows from the manifest's bytes; false for what does not.
    private func repair(_ fault: ManifestFault, _ check: ManifestCheck, _ database: Database) throws -> Bool {
        let id = check.row.id
        guard let artifact = check.artifact else { return false }
        switch fault {
        case .bytes, .rowMissing: return false
        case .facts:
            try database.run(
                "UPDATE manifests SET tree = ?, size = ?, files = ?, definition = ?, artifact_type = ?, subject = ? WHERE id = ?",
                artifact.tree.map { .digest($0) } ?? .null, .integer(artifact.size), .integer(artifact.fileCount),
                .text(artifact.definition.json.text), artifact.artifactType.map { .text($0) } ?? .null,
                artifact.subject.map { .text(try database.subjectText($0)) } ?? .null, .integer(id))
        case .references(let missing, let extra):
            for digest in extra { try database.run("DELETE FROM refs WHERE manifest = ? AND digest = ?", .integer(id), .digest(digest)) }
            for digest in missing { try database.run("INSERT OR IGNORE INTO refs VALUES (?, ?)", .integer(id), .digest(digest)) }
        case .children(let missing, let extra):
            for digest in extra {
                try database.run("DELETE FROM children WHERE manifest = ? AND digest = ?", .integer(id), .digest(digest))
            }
            for digest in missing { try database.run("INSERT OR IGNORE INTO children VALUES (?, ?)", .integer(id), .digest(digest)) }
        case .search:
            try database.run("DELETE FROM search WHERE rowid = ?", .integer(id))
            try database.putSearchWords(SearchRow(artifact, registry: check.row.registry, repository: check.row.repository), id)
        case .provides(let missing, let extra):
            try database.removeProvided(extra, id)
            try database.putProvided(missing.sorted { $0.description < $1.description }, id)
        case .alias(let name): return try findAlias(name, artifact.blobs[name] ?? 0, id, database)
        }
        return true
    }

    /// Finds the blob that a manifest names by its SHA-512 among those that are filed under it.
    private func findAlias(_ name: ContentDigest, _ size: Int, _ id: Int, _ database: Database) throws -> Bool {
        let candidates = try database.rows(
            "SELECT digest, size FROM refs JOIN blobs USING (digest) WHERE manifest = ? AND size = ?", .integer(id), .integer(size)
        ) { StagedBlob(digest: try $0.digest(0), size: $0.size(1)) }
        for blob in candidates where try store.sha512(of: blob) == name {
            try database.alias(name, of: blob.digest)
            return true
        }
        return false
    }

    private func finding(_ fault: ManifestFault, _ row: ManifestRow, _ naming: Naming) -> Finding {
        let advice = naming.locators.isEmpty ? nil : StoreCheck.advice(naming.locators)
        let repository = row.registry.isEmpty ? row.repository : "\(row.registry)/\(row.repository)"
        let own = "manifest \(row.digest) of \(repository)"
        func finding(_ kind: Finding.Kind, _ message: String, digest: Digest? = nil, advice: String? = StoreCheck.repairAdvice) -> Finding {
            Finding(kind, message, digest: digest ?? row.digest, resources: naming.locators, advice: advice)
        }
        switch fault {
        case .bytes(let got): return finding(.manifestBytes, "the bytes of \(own) are others: \(got)", advice: advice)
        case .facts(let columns):
            return finding(.manifestFacts, "what the catalog says of \(own) does not follow from it: \(columns.joined(separator: ", "))")
        case .references(let missing, let extra):
            return finding(.references, "the blobs filed under \(own): \(missing.count) are missing, \(extra.count) are not named by it")
        case .children(let missing, let extra):
            return finding(.children, "the manifests filed under \(own): \(missing.count) are missing, \(extra.count) are not listed by it")
        case .search: return finding(.search, "a search does not find \(own) by its words")
        case .provides(let missing, let extra):
            return finding(.provides, "the modules filed under \(own): \(missing.count) are missing, \(extra.count) are not provided by it")
        case .alias(let name): return finding(.alias, "\(name), which \(own) names, is not known")
        case .rowMissing(let blob):
            return finding(.rowMissing, "\(own) names blob \(blob.digest), which has no row", digest: blob.digest, advice: advice)
        }
    }

    /// What to do about what follows from other things.
    static let repairAdvice = "rx verify --repair makes it anew"
}
