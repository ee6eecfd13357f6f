import CSQLite
import RxCrypto
import RxModel
import RxPosix
import RxTesting
import Testing

@testable import RxStore

@Suite struct `Provided modules` {
    let folder: TemporaryFolder
    let module: ModuleName

    init() throws {
        folder = try TemporaryFolder()
        module = try ModuleName(parsing: "python:acme_tools")
    }

    func resource(_ provides: JSON) throws -> Artifact {
        let definition = Definition(unchecked: ["name": "tools", "type": "module", "provides": provides])
        return Artifact(try ResourceManifest(definition: definition, files: [try file("a.py", "1")]))
    }

    @Test func `of resources that an older rx stored are found`() throws {
        let layout = StoreLayout(root: folder.path)
        try layout.prepare()
        let good = try resource(.object(["python": ["acme_tools"]]))
        let odd = try resource("acme_tools")
        do {
            let database = try Database(path: layout.catalog)
            for step in Migrations.steps[..<6] { try database.script(step) }
            try database.script("PRAGMA user_version = 6")
            for (id, artifact) in [good, odd].enumerated() {
                try database.run(
                    """
                    INSERT INTO manifests (id, registry, repository, digest, media_type, tree, size, files, definition, bytes, artifact_type)
                    VALUES (?, '', 'tools', ?, ?, ?, ?, ?, ?, ?, ?)
                    """, .integer(id + 1), .digest(artifact.digest), .text(artifact.mediaType), .digest(artifact.tree!),
                    .integer(artifact.size), .integer(artifact.fileCount), .text(artifact.definition.json.text), .blob(artifact.bytes),
                    .text(MediaType.resource))
                try database.run("INSERT INTO tags VALUES ('', 'tools', ?, ?, 1, 1, ?)", .text("\(id)"), .integer(id + 1), .integer(id + 1))
                try database.run(
                    "INSERT INTO search (rowid, name, path, description, keywords, type) VALUES (?, 'tools', '', '', '', 'module')",
                    .integer(id + 1))
            }
        }
        let store = try DiskStore(at: folder.path)
        #expect(try store.providers(of: module, scope: .own, limit: 5).map(\.manifestDigest) == [good.digest])
        #expect(try store.search(SearchQuery(text: "acme_tools")).records.map(\.reference.tag) == ["0"])
        let kinds = try Set(store.verify(VerifyOptions(sample: 0), with: NoHelp()).findings.map(\.kind))
        #expect(kinds.isDisjoint(with: [.provides, .search, .manifestFacts]), "\(kinds)")
    }

    @Test func `go with the first change of a manifest that goes in pieces`() throws {
        let store = try DiskStore(at: folder.path)
        let files = Dictionary(uniqueKeysWithValues: (0..<Database.namesAtOnce + 10).map { ("f\($0)", "\($0)") })
        try put(files, try definition("big", ["provides": .object(["python": ["acme_tools"]])]), in: store)
        func rows() throws -> Int { try store.catalog.read { try $0.first("SELECT count(*) FROM provides") { $0.int(0) } ?? -1 } }
        #expect(try rows() == 1)
        let id = try #require(try store.catalog.read { try $0.first("SELECT id FROM manifests") { $0.int(0) } })
        _ = try store.remove(registry: "", repository: "big", selector: .tag("latest"))
        try store.catalog.write { database, _ in try database.forgetManifest(id) }
        #expect(try store.catalog.read { try $0.first("SELECT count(*) FROM manifests") { $0.int(0) } } == 1, "it is still going")
        #expect(try rows() == 0)
    }

    @Test func `are found by the index alone`() throws {
        _ = try DiskStore(at: folder.path)
        var handle: OpaquePointer?
        #expect(sqlite3_open_v2("\(folder.path)/catalog.sqlite", &handle, SQLITE_OPEN_READWRITE, nil) == SQLITE_OK)
        defer { sqlite3_close_v2(handle) }
        var statement: OpaquePointer?
        #expect(sqlite3_prepare_v3(handle, "EXPLAIN QUERY PLAN \(Database.providersQuery)", -1, 0, &statement, nil) == SQLITE_OK)
        defer { sqlite3_finalize(statement) }
        var plan: [String] = []
        while sqlite3_step(statement) == SQLITE_ROW { plan.append(String(cString: sqlite3_column_text(statement, 3))) }
        for table in ["provides", "tags", "manifests"] {
            #expect(plan.contains { $0.hasPrefix("SEARCH \(table) ") }, "\(table): \(plan)")
        }
        #expect(plan.filter { $0.hasPrefix("SCAN ") } == ["SCAN best"], "nothing is read through but what was found")
    }

    @Test func `of foreign artifacts are none`() throws {
        let store = try DiskStore(at: folder.path)
        let text =
            #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"application/x","#
            + #""config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"\#(ResourceManifest.emptyConfigDigest)","size":2},"#
            + #""layers":[],"annotations":{"dev.rx.definition":"{\"name\":\"x\",\"type\":\"module\",\"provides\":{\"python\":[\"acme_tools\"]}}"}}"#
        let artifact = try Artifact(parsing: Array(text.utf8), mediaType: nil, repository: "x")
        let operation = try store.begin()
        _ = try operation.stage(BytesSource(ResourceManifest.emptyConfig), expecting: nil)
        _ = try operation.commit([artifact], as: Reference(repository: "x", tag: "1"), names: [:])
        #expect(artifact.provides.isEmpty)
        #expect(try store.providers(of: module, scope: .all, limit: 5).isEmpty)
    }
}
