import RxCrypto
import RxModel

/// One row of `manifests`.
struct ManifestRow {
    let id: Int
    let registry: String
    let repository: String
    let digest: Digest
    let mediaType: String
    let tree: Digest?
    let size: Int
    let files: Int
    let definition: String
    let bytes: [UInt8]
    let artifactType: String?
    let subject: String?

    init(_ row: Row) throws {
        id = row.int(0)
        registry = row.text(1)
        repository = row.text(2)
        digest = try row.digest(3)
        mediaType = row.text(4)
        tree = try row.isNull(5) ? nil : row.digest(5)
        size = row.size(6)
        files = row.size(7)
        definition = row.text(8)
        bytes = row.blob(9)
        artifactType = row.isNull(10) ? nil : row.text(10)
        subject = row.isNull(11) ? nil : row.text(11)
    }
}

/// Something that the catalog says of a manifest and that is wrong.
enum ManifestFault {
    case bytes(Digest)
    /// Columns of its row.
    case facts([String])
    case references(missing: Set<Digest>, extra: Set<Digest>)
    case children(missing: Set<Digest>, extra: Set<Digest>)
    case search
    case provides(missing: Set<ModuleName>, extra: Set<ModuleName>)
    /// A name that it uses and nobody knows.
    case alias(ContentDigest)
    /// A blob that it names has no row.
    case rowMissing(StagedBlob)
}

/// A manifest compared with what the catalog says of it.
struct ManifestCheck {
    let row: ManifestRow
    /// What its bytes say; nil when they are not its own.
    let artifact: Artifact?
    private(set) var faults: [ManifestFault] = []

    /// Compares within one state of the catalog. Throws what the catalog does.
    init(_ row: ManifestRow, _ database: Database) throws {
        self.row = row
        let got = sha256(row.bytes)
        guard got == row.digest else {
            artifact = nil
            faults = [.bytes(got)]
            return
        }
        // It was readable when it was put; what an older rx took is no damage.
        artifact = try? Artifact(parsing: row.bytes, mediaType: row.mediaType, repository: row.repository)
        guard let artifact else { return }
        checkFacts(artifact)
        try checkReferences(artifact, database)
        try checkChildren(artifact, database)
        if try database.searchWords(row.id) != SearchRow(artifact, registry: row.registry, repository: row.repository) {
            faults.append(.search)
        }
        let (provided, present) = (Set(artifact.provides.names), Set(try database.provided(row.id)))
        if provided != present {
            faults.append(.provides(missing: provided.subtracting(present), extra: present.subtracting(provided)))
        }
    }

    private mutating func checkFacts(_ artifact: Artifact) {
        var wrong: [String] = []
        if row.tree != artifact.tree { wrong.append("tree") }
        if row.size != artifact.size { wrong.append("size") }
        if row.files != artifact.fileCount { wrong.append("files") }
        if row.definition != artifact.definition.json.text { wrong.append("definition") }
        if row.artifactType != artifact.artifactType { wrong.append("artifact_type") }
        // One that was named by its SHA-512 is filed under its SHA-256 once that is known.
        if let subject = artifact.subject {
            let isRight = row.subject == subject.description || subject.sha256 == nil && row.subject.flatMap { Digest($0) } != nil
            if !isRight { wrong.append("subject") }
        } else if row.subject != nil {
            wrong.append("subject")
        }
        if !wrong.isEmpty { faults.append(.facts(wrong)) }
    }

    private mutating func checkReferences(_ artifact: Artifact, _ database: Database) throws {
        var named: Set<Digest> = []
        for (name, size) in artifact.blobs {
            guard let digest = try database.digest(of: name) else {
                faults.append(.alias(name))
                continue
            }
            named.insert(digest)
            // A wrong length is found where the blobs are looked at.
            if try !database.hasBlob(digest) { faults.append(.rowMissing(StagedBlob(digest: digest, size: size))) }
        }
        let present = try Set(database.rows("SELECT digest FROM refs WHERE manifest = ?", .integer(row.id)) { try $0.digest(0) })
        // An index keeps blobs that it lists, too, where they were there when it was put.
        let listed = try Set(artifact.manifests.keys.compactMap(database.digest))
        // A name that nobody knows may be that of any other reference.
        let isComplete = artifact.blobs.count == named.count || !artifact.blobs.keys.contains { $0.sha256 == nil }
        let extra = isComplete ? present.subtracting(named).subtracting(listed) : []
        let missing = named.subtracting(present)
        if !missing.isEmpty || !extra.isEmpty { faults.append(.references(missing: missing, extra: extra)) }
    }

    private mutating func checkChildren(_ artifact: Artifact, _ database: Database) throws {
        let present = try Set(database.rows("SELECT digest FROM children WHERE manifest = ?", .integer(row.id)) { try $0.digest(0) })
        // What a SHA-512 named was unknown, perhaps, when the index was put.
        let certain = Set(artifact.manifests.keys.compactMap(\.sha256))
        let possible = try certain.union(artifact.manifests.keys.compactMap(database.digest))
        let extra = present.subtracting(possible)
        let missing = certain.subtracting(present)
        if !missing.isEmpty || !extra.isEmpty { faults.append(.children(missing: missing, extra: extra)) }
    }
}

/// What a search finds of a manifest.
struct SearchRow: Equatable {
    var name: String
    var path: String
    var description: String
    var keywords: String
    var type: String

    init(_ artifact: Artifact, registry: String, repository: String) {
        let definition = artifact.definition
        let locator = Reference(registry: registry, repository: repository, tag: Locator.latest).locator
        name = locator.name
        path = locator.path ?? ""
        description = definition.description ?? ""
        keywords = (definition.keywords + artifact.provides.names.map(\.name)).joined(separator: " ")
        let types = [definition.type] + (definition.type == Definition.foreignType ? [artifact.artifactType].compactMap { $0 } : [])
        type = types.joined(separator: " ")
    }

    init(_ row: Row) {
        name = row.text(0)
        path = row.text(1)
        description = row.text(2)
        keywords = row.text(3)
        type = row.text(4)
    }
}

extension Database {
    /// A manifest's row; nil when it has gone.
    func manifestRow(_ id: Int) throws -> ManifestRow? {
        try first(
            """
            SELECT id, registry, repository, digest, media_type, tree, size, files, definition, bytes, artifact_type, subject
            FROM manifests WHERE id = ?
            """, .integer(id), map: ManifestRow.init)
    }

    /// What a search finds of a manifest; nil when it finds nothing.
    func searchWords(_ id: Int) throws -> SearchRow? {
        try first("SELECT name, path, description, keywords, type FROM search WHERE rowid = ?", .integer(id)) { SearchRow($0) }
    }

    /// Lets a search find a manifest.
    func putSearchWords(_ words: SearchRow, _ id: Int) throws {
        try run(
            "INSERT INTO search (rowid, name, path, description, keywords, type) VALUES (?, ?, ?, ?, ?, ?)", .integer(id),
            .text(words.name),
            .text(words.path), .text(words.description), .text(words.keywords), .text(words.type))
    }
}
