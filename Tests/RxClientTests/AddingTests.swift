import Glibc
import RxModel
import RxPosix
import RxStore
import RxTesting
import Testing

@testable import RxClient

@Suite struct `Adding a folder of many files` {
    /// So many that some are put into place while others are staged.
    static let count = 3400

    let home: TemporaryFolder
    let source: TemporaryFolder

    init() throws {
        home = try TemporaryFolder()
        source = try TemporaryFolder()
        try source.write("resource.json", #"{"name":"many","type":"data","version":"1"}"#)
        for number in 0..<Self.count { try source.write("part\(number % 7)/\(number)", "content \(number)") }
    }

    func client() throws -> Client { try Client(home: home.path, environment: "", transport: RecordedTransport.unreachable) }

    func staged() throws -> [String] { try Files.names(in: "\(home.path)/staging") }

    @Test func `stores each`() throws {
        let outcome = try client().add(source.path)
        #expect(outcome.record.fileCount >= Self.count && outcome.unchanged == 0)
        let operation = try client().store.begin()
        defer { operation.cancel() }
        let blobs = try client().store.manifest(of: outcome.record).blobs
        #expect(try operation.lease(blobs).count == blobs.count)
    }

    @Test(arguments: ["rename", "syncfs", "write"], [0, 2000])
    func `reports a call that fails on either thread, leaves nothing, and can be done again`(_ call: String, _ skip: Int) throws {
        guard Fault.available else { return }
        let client = try client()
        Fault.inject(call, ENOSPC, under: home.path, after: call == "syncfs" ? min(skip, 1) : skip)
        let error = #expect(throws: PosixError.self) { try client.add(source.path) }
        Fault.clear(under: home.path)
        #expect(error?.errno == ENOSPC)
        #expect(try staged().isEmpty)
        #expect(try client.store.search(SearchQuery()).total == 0)
        #expect(try client.add(source.path).record.fileCount >= Self.count)
        #expect(try client.store.collect(dryRun: true, leaseTime: nil) == CollectionReport())
    }
}
