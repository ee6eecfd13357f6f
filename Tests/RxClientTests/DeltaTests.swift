import RxChunks
import RxCrypto
import RxModel
import RxPosix
import RxProtocol
import RxStore
import RxTesting
import Testing

@testable import RxClient

/// How a client moves a large blob by what differs, against a registry that may lie.
@Suite struct `A blob made from others` {
    /// Blocks that are one chunk each: one byte over and over that is never cut at.
    static let blocks: [[UInt8]] = (0...80).lazy.map { [UInt8](repeating: $0, count: Chunker.longest) }.filter { block in
        block.withUnsafeBytes { Chunker.cut($0) } == Chunker.longest
    }.prefix(34).map { $0 }

    /// Another block in front, one in the middle left out.
    static let contents = (base: joined(blocks[..<33]), blob: joined([blocks[33]] + blocks[..<10] + blocks[11..<33]))

    let home: TemporaryFolder
    let store: DiskStore
    let base = Self.contents.base
    let blob = Self.contents.blob

    init() throws {
        home = try TemporaryFolder()
        store = try DiskStore(at: home.path)
        #expect(Self.blocks.count == 34)
    }

    private static func joined(_ blocks: some Sequence<[UInt8]>) -> [UInt8] {
        var bytes: [UInt8] = []
        for block in blocks { bytes.append(contentsOf: block) }
        return bytes
    }

    /// A registry that has the blob and gives `index` for it.
    private func server(_ index: [UInt8], damaging: Bool = false) -> WireServer {
        WireServer { [blob] request in
            if request.target.hasPrefix(Route.chunkIndexPrefix) { return WireServer.Answer(200, [:], index) }
            guard request.target.hasPrefix("/v2/team/a/blobs/"), let range = request.headers["range"] else { return WireServer.Answer(404) }
            let ends = range.dropFirst("bytes=".count).split(separator: "-").compactMap { Int($0) }
            var part = Array(blob[ends[0]...ends[1]])
            if damaging { part[0] ^= 1 }
            return WireServer.Answer(206, ["Content-Range": "bytes \(ends[0])-\(ends[1])/\(blob.count)"], part)
        }
    }

    private func fetch(_ server: WireServer, like previous: [Digest], _ operation: any StoreOperation) throws -> Bool {
        let deltas = DeltaTransfer(try server.client(), store: store, home: home.path)
        let descriptor = Descriptor(mediaType: "a/b", digest: .sha256(sha256(blob)), size: blob.count)
        return deltas.fetch(descriptor, from: "team/a", like: previous, into: operation)
    }

    private func stageBase(_ operation: any StoreOperation) throws -> Digest {
        let digest = try operation.stage(BytesSource(base), expecting: nil).digest
        try operation.publish()
        return digest
    }

    @Test func `takes what is here from here and the rest by range`() throws {
        let operation = try store.begin()
        let previous = try stageBase(operation)
        let server = server(try ChunkIndex(reading: BytesSource(blob)).records)
        #expect(try fetch(server, like: [previous], operation))
        try operation.publish()
        #expect(try store.open(sha256(blob)).readAll() == blob)
        #expect(server.asked.count == 2, "\(server.asked)")
    }

    @Test func `fetches the whole after a lie`() throws {
        let index = try ChunkIndex(reading: BytesSource(blob))
        // Every chunk is known, each length is right, and the order is another one.
        var records = index.records
        for (at, chunk) in index.chunks.reversed().enumerated() {
            for byte in 0..<6 { records[9 * at + 3 + byte] = UInt8(truncatingIfNeeded: chunk.id >> UInt64(40 - 8 * byte)) }
        }
        for server in [server(records), server(index.records, damaging: true)] {
            let operation = try store.begin()
            let previous = try stageBase(operation)
            #expect(try !fetch(server, like: [previous], operation))
            try operation.publish()
            #expect(throws: RegistryError.self, "nothing of it is kept") { _ = try store.size(of: sha256(blob)) }
            #expect(try Files.names(in: "\(home.path)/cache/chunks").isEmpty, "what led to it is made again")
        }
    }

    @Test(arguments: [[], [1, 2, 3], [UInt8](repeating: 0, count: 9 * 33)]) func `is fetched whole when the index is none`(index: [UInt8])
        throws
    {
        let operation = try store.begin()
        let previous = try stageBase(operation)
        #expect(try !fetch(server(index), like: [previous], operation))
    }

    @Test func `is fetched whole when there is nothing here like it, without a question`() throws {
        let server = server([])
        #expect(try !fetch(server, like: [], store.begin()))
        #expect(server.asked.isEmpty)
    }

    @Test func `fetches neighbours together`() throws {
        let lengths = [20_000, 20_000, 100_000, 40_000, 20_000, 100_000, 20_000]
        var records: [UInt8] = []
        for (position, length) in lengths.enumerated() {
            for shift in [16, 8, 0] { records.append(UInt8(truncatingIfNeeded: length >> shift)) }
            records += [0, 0, 0, 0, 0, UInt8(position)]
        }
        let index = try #require(ChunkIndex(records: records, size: lengths.reduce(0, +)))
        // The base has chunks 1, 3 and 6, each alone.
        let runs = [
            ChunkRun(first: 1, count: 1, base: 0, offset: 0, length: 20_000),
            ChunkRun(first: 3, count: 1, base: 0, offset: 50_000, length: 40_000),
            ChunkRun(first: 6, count: 1, base: 0, offset: 200_000, length: 20_000),
        ]
        let pieces = DeltaFetcher.pieces(Delta(of: index, runs: runs, bases: [sha256([])]))
        #expect(
            pieces == [
                DeltaFetcher.Piece(isFresh: true, base: 0, range: 0..<140_000),
                DeltaFetcher.Piece(isFresh: false, base: 0, range: 50_000..<90_000),
                DeltaFetcher.Piece(isFresh: true, base: 0, range: 180_000..<300_000),
                DeltaFetcher.Piece(isFresh: false, base: 0, range: 200_000..<220_000),
            ])
    }

    @Test func `is sent whole when the registry has other calls, is busy, or answers nonsense`() throws {
        let operation = try store.begin()
        let digest = try stageBase(operation)
        let descriptor = Descriptor(mediaType: "a/b", digest: .sha256(digest), size: base.count)
        for answer in [
            WireServer.Answer(404), WireServer.Answer(405), WireServer.Answer(200, [:], Array("{}".utf8)), WireServer.Answer(503),
            WireServer.Answer(200, [:], Array(#"{"bases":["sha256:1"],"runs":[]}"#.utf8)), WireServer.Answer(500),
        ] {
            let server = WireServer { request in
                _ = request.body()
                return answer
            }
            #expect(!DeltaTransfer(try server.client(), store: store, home: home.path).push(descriptor, to: "team/a"))
        }
    }
}
