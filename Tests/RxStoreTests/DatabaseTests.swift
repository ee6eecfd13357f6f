import RxModel
import RxTesting
import Testing

@testable import RxStore

@Suite struct `Values in a catalog` {
    private let folder: TemporaryFolder
    private let database: Database

    init() throws {
        folder = try TemporaryFolder()
        database = try Database(path: "\(folder.path)/catalog.sqlite")
        try database.script("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT NOT NULL, bytes BLOB, other BLOB) STRICT")
    }

    private func bytes(_ count: Int, from first: Int = 0) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 / 7 + first) } }

    @Test(arguments: [0, 1, 64 << 10, (64 << 10) + 1, 5_000_000]) func `are the same again, however long they are`(count: Int) throws {
        let (one, two) = (bytes(count), bytes(count, from: 1))
        try database.run("INSERT INTO things VALUES (?, ?, ?, ?)", 7, "name", .blob(one), .blob(two))
        let read = try database.first("SELECT name, bytes, other FROM things WHERE bytes = ?", .blob(one)) {
            (name: $0.text(0), bytes: $0.blob(1), other: $0.blob(2))
        }
        #expect(read?.name == "name")
        #expect(read?.bytes == one)
        #expect(read?.other == two)
        #expect(try database.snapshot { try database.blob("bytes", of: "things", row: 7) } == one)
        #expect(try database.snapshot { try database.blob("other", of: "things", row: 7) } == two)
        // One statement again, with another value: nothing of the first is left in it.
        #expect(try database.run("UPDATE things SET bytes = ?1 WHERE id = ?2 AND bytes <> ?1", .blob(one), 7) == 0)
        #expect(try database.run("UPDATE things SET bytes = ?1 WHERE id = ?2 AND bytes <> ?1", .blob(two + [9]), 7) == 1)
        #expect(try database.run("UPDATE things SET bytes = ?1 WHERE id = ?2 AND bytes <> ?1", .null, 7) == 0)
        #expect(try database.first("SELECT bytes FROM things") { $0.blob(0) } == two + [9])
    }

    @Test func `are not there where there is no row, and no blob`() throws {
        try database.run("INSERT INTO things VALUES (?, ?, ?, ?)", 7, "name", .null, .null)
        #expect(throws: RegistryError.self) { try database.blob("bytes", of: "things", row: 8) }
        #expect(throws: RegistryError.self) { try database.blob("bytes", of: "things", row: 7) }
    }
}
