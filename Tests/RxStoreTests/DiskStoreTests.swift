import CSQLite
import Foundation
import RxCrypto
import RxModel
import RxPosix
import RxTesting
import Testing

@testable import RxStore

@Suite struct `The disk store` {
    let folder: TemporaryFolder
    let store: DiskStore

    init() throws {
        folder = try TemporaryFolder()
        store = try DiskStore(at: folder.path)
    }

    func path(_ digest: Digest) -> String { "\(folder.path)/blobs/sha256/\(digest.hex.prefix(2))/\(digest.hex)" }

    func blob(_ text: String) -> Digest { sha256(Array(text.utf8)) }

    func files(_ name: String) throws -> [String] { try RxPosix.Files.names(in: "\(folder.path)/\(name)") }

    @Test func `keeps each blob as a read-only file named by its digest`() throws {
        try put(["content": "hello"], try definition("a"), in: store)
        let file = path(blob("hello"))
        #expect(try String(contentsOfFile: file, encoding: .utf8) == "hello")
        #expect(try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int == 0o444)
        #expect(try files("staging").isEmpty)
        #expect(try files("trash").isEmpty)
    }

    @Test func `shows every process what another one committed`() throws {
        let other = try DiskStore(at: folder.path)
        let before = try other.version()
        try put(["content": "1"], try definition("a"), in: store)
        #expect(try other.resolve(registry: "", repository: "a", selector: .tag("latest")) != nil)
        #expect(try other.version() != before)
    }

    @Test func `has another version after every commit, also when its log begins anew or a writer died while he told of his`() throws {
        let other = try DiskStore(at: folder.path)
        var handle: OpaquePointer?
        sqlite3_open_v2("\(folder.path)/catalog.sqlite", &handle, SQLITE_OPEN_READWRITE, nil)
        defer { sqlite3_close_v2(handle) }
        var seen = [try other.version()]
        for number in 0..<12 {
            try put(["content": "\(number)"], try definition("a"), in: store)
            let version = try other.version()
            #expect(!seen.contains(version), "\(number)")
            #expect(try other.version() == version)
            seen.append(version)
            if number % 3 == 2 { sqlite3_exec(handle, "PRAGMA wal_checkpoint(TRUNCATE)", nil, nil, nil) }
        }
        let index = try #require(UnsafeMutableRawPointer(mutating: rx_sqlite3_wal_index(handle)))
        // The first of the header's two copies: the number of the last frame.
        let frame = index.load(fromByteOffset: 16, as: UInt32.self)
        index.storeBytes(of: frame &+ 1, toByteOffset: 16, as: UInt32.self)
        let mended = try other.version()
        #expect(index.load(fromByteOffset: 16, as: UInt32.self) == index.load(fromByteOffset: 64, as: UInt32.self))
        try put(["content": "last"], try definition("a"), in: store)
        #expect(try other.version() != mended)
    }

    @Test func `never gives wrong bytes, and a new put repairs them`() throws {
        let record = try put(["content": "hello"], try definition("a"), in: store)
        let file = path(blob("hello"))
        for damage in ["jello", "hell", "hello!"] {
            try FileManager.default.removeItem(atPath: file)
            try folder.write(String(file.dropFirst(folder.path.count + 1)), damage)
            #expect(throws: (any Error).self, "\(damage)") { try text(blob("hello"), in: store) }
            let again = try put(["content": "hello"], try definition("a"), in: store)
            #expect(try text(blob("hello"), in: store) == "hello")
            #expect(again.createdAt == record.createdAt && again.manifestDigest == record.manifestDigest)
        }
        let operation = try store.begin()
        try FileManager.default.removeItem(atPath: file)
        #expect(try operation.lease([blob("hello"): 5]).isEmpty, "a row without its file is not present")
    }

    @Test func `moves a damaged file aside once it was read, so that the same content can be put again`() throws {
        try put(["content": "hello"], try definition("a"), in: store)
        let file = path(blob("hello"))
        try FileManager.default.removeItem(atPath: file)
        try folder.write(String(file.dropFirst(folder.path.count + 1)), "jello")
        usleep(20_000)
        try FileManager.default.setAttributes([.posixPermissions: 0o444], ofItemAtPath: file)
        #expect(try store.begin().lease([blob("hello"): 5]).count == 1, "neither the length nor the times tell")
        #expect(throws: ContentError.self) { try text(blob("hello"), in: store) }
        #expect(throws: RegistryError.self) { try text(blob("hello"), in: store) }
        #expect(try store.begin().lease([blob("hello"): 5]).isEmpty)
        #expect(try files("damaged").count == 1, "it is kept for whoever wants to look at it")
        try put(["content": "hello"], try definition("a"), in: store)
        #expect(try text(blob("hello"), in: store) == "hello")
    }

    @Test func `mends its folders and steps over what is not its own`() throws {
        try FileManager.default.removeItem(atPath: "\(folder.path)/blobs/sha256/16")
        try folder.write("blobs/sha256/.DS_Store", "")
        try folder.write("trash/a folder/file", "")
        let reopened = try DiskStore(at: folder.path)
        #expect(RxPosix.Files.isFolder("\(folder.path)/blobs/sha256/16"))
        #expect(try files("trash").isEmpty)
        #expect(try reopened.collect(dryRun: false, leaseTime: nil).deleted == CollectionReport().deleted)
    }

    @Test func `never takes a living operation for a dead one, however its folders come and go`() throws {
        try WorkerPool.forEach(0..<200, threads: 6) { index in
            if index % 3 == 0 {
                _ = try store.collect(dryRun: index % 2 == 0, leaseTime: nil)
            } else {
                let operation = try store.begin()
                _ = try operation.stage(BytesSource([UInt8(index)]), expecting: nil)
                try operation.publish()
                #expect(try operation.lease([sha256([UInt8(index)]): 1]).count == 1)
                operation.cancel()
            }
        }
        _ = try store.collect(dryRun: false, leaseTime: nil)
        #expect(try files("staging").isEmpty)
        #expect(try files("trash").isEmpty)
    }

    @Test func `refuses a catalog of a newer version and says so`() throws {
        var handle: OpaquePointer?
        sqlite3_open_v2("\(folder.path)/catalog.sqlite", &handle, SQLITE_OPEN_READWRITE, nil)
        sqlite3_exec(handle, "PRAGMA user_version = 99", nil, nil, nil)
        sqlite3_close_v2(handle)
        let error = #expect(throws: RegistryError.self) { try DiskStore(at: folder.path) }
        #expect(
            error?.message == "catalog \(folder.path)/catalog.sqlite has version 99, and this rx knows versions up to \(Migrations.current)"
        )
        #expect(error?.hint == "use the newer rx that wrote it, and start again what runs with this one")
    }

    @Test func `changes nothing once a newer rx has brought the catalog up to date`() throws {
        let operation = try store.begin()
        _ = try operation.stage(BytesSource([1]), expecting: nil)
        var handle: OpaquePointer?
        sqlite3_open_v2("\(folder.path)/catalog.sqlite", &handle, SQLITE_OPEN_READWRITE, nil)
        sqlite3_exec(handle, "PRAGMA user_version = 99", nil, nil, nil)
        let error = #expect(throws: RegistryError.self) { try operation.publish() }
        #expect(error?.code == .storeUnusable && error?.message.contains("has version 99") == true)
        #expect(throws: RegistryError.self) { try store.removeCached(registry: nil) }
        #expect(try store.search(SearchQuery()).total == 0, "and reads on")
        sqlite3_exec(handle, "PRAGMA user_version = \(Migrations.current)", nil, nil, nil)
        sqlite3_close_v2(handle)
        try operation.publish()
    }

    @Test func `says what to do when its catalog is damaged`() throws {
        let other = try TemporaryFolder()
        try other.write("catalog.sqlite", String(repeating: "not a database", count: 100))
        let error = #expect(throws: RegistryError.self) { try DiskStore(at: other.path) }
        #expect(error?.code == .storeUnusable && error?.message.contains("damaged") == true)
    }

    /// Each call of a put, how many files it is made for (few are synced one by one, many at once), and how often it is made at least.
    @Test(
        arguments: [
            ("open", 10, 4), ("write", 10, 10), ("rename", 10, 10), ("syncfs", 10, 2), ("fsync", 2, 4), ("flock", 2, 1), ("mkdir", 2, 1),
        ], [ENOSPC, EIO])
    func `reports a failed call, shows nothing half-done, and takes the same put afterwards`(_ step: (String, Int, Int), _ errno: Int32)
        throws
    {
        let (call, count, times) = step
        try put(["content": "before"], try definition("before"), in: store)
        let many = Dictionary(uniqueKeysWithValues: (0..<count).map { ("f\($0)", "content \($0)") })
        for skip in 0..<times {
            RxPosix.Fault.inject(call, errno, under: folder.path, after: skip)
            let error = #expect(throws: (any Error).self) { try put(many, try definition("many"), in: store) }
            RxPosix.Fault.clear(under: folder.path)
            if let error = error as? PosixError { #expect(error.errno == errno) }
            #expect(try store.resolve(registry: "", repository: "many", selector: .tag("latest")) == nil)
            #expect(try files("staging").isEmpty, "\(call) \(skip)")
        }
        try put(many, try definition("many"), in: store)
        _ = try store.remove(registry: "", repository: "many", selector: .tag("latest"))
        #expect(try store.collect(dryRun: false, leaseTime: 0).blobs == count)
        #expect(try store.collect(dryRun: false, leaseTime: 0).deleted == CollectionReport().deleted)
        #expect(try text(blob("before"), in: store) == "before")
    }

    @Test func `returns what a killed collection had moved aside, and deletes what it had forgotten`() throws {
        try put(["content": "kept"], try definition("a"), in: store)
        try FileManager.default.moveItem(atPath: path(blob("kept")), toPath: "\(folder.path)/trash/\(blob("kept").hex).1")
        try folder.write("trash/\(blob("forgotten").hex).2", "forgotten")
        try folder.write("trash/\(blob("kept").hex).3", "kept")
        let reopened = try DiskStore(at: folder.path)
        #expect(try text(blob("kept"), in: reopened) == "kept")
        #expect(try files("trash").isEmpty)
    }

    @Test func `collects the staging of dead operations and blob files without a row, and leaves the living alone`() throws {
        let living = try store.begin()
        _ = try living.stage(BytesSource([1]), expecting: nil)
        try folder.write("staging/dead/owner", "")
        try folder.write("staging/dead/1", "half")
        try folder.write("blobs/sha256/\(blob("orphan").hex.prefix(2))/\(blob("orphan").hex)", "orphan")
        try folder.write("cache/archives/\(blob("gone").hex).tar.gz", "old")
        #expect(try store.collect(dryRun: true, leaseTime: nil).leftovers == 3)
        #expect(try store.collect(dryRun: false, leaseTime: nil).leftovers == 3)
        #expect(try store.collect(dryRun: false, leaseTime: nil).deleted == CollectionReport().deleted)
        #expect(try files("staging").count == 1)
        try living.publish()
        #expect(try store.size(of: sha256([1])) == 1)
    }

    @Test func `keeps leases when the clock is set back`() throws {
        let operation = try store.begin()
        _ = try operation.stage(BytesSource([5]), expecting: nil)
        try operation.publish()
        var handle: OpaquePointer?
        sqlite3_open_v2("\(folder.path)/catalog.sqlite", &handle, SQLITE_OPEN_READWRITE, nil)
        // As if this catalog had been used a day ahead of the present clock: leases given from now on last until after that day.
        sqlite3_exec(handle, "UPDATE clock SET now = now + 86400", nil, nil, nil)
        sqlite3_close_v2(handle)
        let later = try store.begin()
        #expect(try later.lease([sha256([5]): 1]).count == 1)
        #expect(try store.collect(dryRun: false, leaseTime: nil).blobs == 0)
        later.cancel()
        withExtendedLifetime(operation) {}
    }

    @Test func `takes adds, removals and collections from many threads and stores at once`() throws {
        let stores = try (0..<4).map { _ in try DiskStore(at: folder.path) }
        try WorkerPool.forEach(0..<80, threads: 8) { index in
            let store = stores[index % 4]
            let name = "r\(index % 5)"
            switch index % 8 {
            case 6: _ = try store.remove(registry: "", repository: name, selector: .tag("latest"))
            case 7: _ = try store.collect(dryRun: false, leaseTime: nil)
            default: try put(["content": "shared", "own": "\(index)"], try definition(name), in: store)
            }
        }
        for record in try store.search(SearchQuery(limit: 1000)).records {
            for file in try store.manifest(of: record).files { #expect(try store.open(file.digest).readAll().count == file.size) }
        }
    }

    @Test func `has the schema that is published`() throws {
        let published = try String(contentsOf: repositoryRoot.appendingPathComponent("Registry/schema.sql"), encoding: .utf8)
        let fresh = try TemporaryFolder()
        var handle: OpaquePointer?
        sqlite3_open_v2("\(fresh.path)/published.sqlite", &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nil)
        #expect(sqlite3_exec(handle, published, nil, nil, nil) == SQLITE_OK)
        sqlite3_close_v2(handle)
        func schema(_ path: String) throws -> [String] {
            var handle: OpaquePointer?
            sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, nil)
            defer { sqlite3_close_v2(handle) }
            var statement: OpaquePointer?
            sqlite3_prepare_v3(handle, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name", -1, 0, &statement, nil)
            defer { sqlite3_finalize(statement) }
            var texts: [String] = []
            while sqlite3_step(statement) == SQLITE_ROW { texts.append(String(cString: sqlite3_column_text(statement, 0))) }
            return texts
        }
        #expect(try schema("\(fresh.path)/published.sqlite") == schema("\(folder.path)/catalog.sqlite"))
    }

    @Test func `finds a catalog of version 2 brought up to date`() throws {
        let bytes = Array("abcd".utf8)
        let folder = try TemporaryFolder()
        let layout = StoreLayout(root: folder.path)
        try layout.prepare()
        do {
            let database = try Database(path: layout.catalog)
            for step in Migrations.steps[..<2] { try database.script(step) }
            try database.script("PRAGMA user_version = 2; INSERT INTO blobs VALUES (x'\(sha256(bytes).hex)', 4, 1)")
        }
        try Data(bytes).write(to: URL(fileURLWithPath: layout.blob(sha256(bytes))))
        let store = try DiskStore(at: folder.path)
        #expect(try store.catalog.read { try $0.first("PRAGMA user_version") { $0.int(0) } } == Migrations.current)
        #expect(try store.open(sha256(bytes)).readAll() == bytes)
        let upload = try store.beginUpload(in: "r")
        try [UInt8(1)].withUnsafeBytes { try upload.append($0) }
        _ = try upload.finish(as: .sha256(sha256([1])))
        #expect(try store.catalog.read { try $0.freshRows() }.count == 1)
    }
}
