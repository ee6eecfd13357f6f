import Glibc
import RxModel
import RxPosix
import RxStore
import RxTesting
import Testing

@testable import RxClient

@Suite struct `Adding a folder of much content` {
    static let count = 100

    let home: TemporaryFolder
    let source: TemporaryFolder

    init() throws {
        home = try TemporaryFolder()
        source = try TemporaryFolder()
        try source.write("resource.json", #"{"name":"much","type":"data","version":"1"}"#)
        // So much that some is put into place while the rest is staged.
        for number in 0..<Self.count { try source.write("\(number)", String(repeating: "content \(number)\n", count: 27_000)) }
    }

    func client() throws -> Client { try Client(home: home.path, environment: "", transport: RecordedTransport.unreachable) }

    func staged() throws -> [String] { try Files.names(in: "\(home.path)/staging") }

    @Test func `stores each file`() throws {
        let outcome = try client().add(source.path)
        #expect(outcome.record.fileCount >= Self.count && outcome.unchanged == 0)
        let operation = try client().store.begin()
        defer { operation.cancel() }
        let blobs = try client().store.manifest(of: outcome.record).blobs
        #expect(try operation.lease(blobs).count == blobs.count)
    }

    @Test(arguments: [("rename", 0), ("rename", 50), ("syncfs", 0), ("syncfs", 1), ("write", 150)])
    func `reports a call that fails on either thread, leaves nothing, and can be done again`(_ step: (String, Int)) throws {
        guard Fault.available else { return }
        let client = try client()
        Fault.inject(step.0, ENOSPC, under: home.path, after: step.1)
        let error = #expect(throws: PosixError.self) { try client.add(source.path) }
        Fault.clear(under: home.path)
        #expect(error?.errno == ENOSPC)
        #expect(try staged().isEmpty)
        #expect(try client.store.search(SearchQuery()).total == 0)
        #expect(try client.add(source.path).record.fileCount >= Self.count)
        #expect(try client.store.collect(dryRun: true, leaseTime: nil).deleted == CollectionReport().deleted)
    }
}
