import Glibc
import RxCrypto
import RxHTTP
import RxModel
import RxPosix
import RxStore
import RxTesting
import Testing

@testable import RxClient

/// How a client tells that a registry is near, and what it asks of one. Source: Specs/12-transfer, XFR-105.
@Suite struct `A registry that is near` {
    /// Hands over what another transport answers in pieces, with a pause before each.
    private struct Portioned: HTTPTransport {
        let transport: RecordedTransport
        let pause: UInt32
        static let piece = 32 << 10

        func perform(_ request: TransportRequest, receive: (ResponseHead) throws -> any ByteSink) throws -> ResponseHead {
            let answer = BytesSink()
            let head = try transport.perform(request) { _ in answer }
            let sink = try receive(head)
            try answer.bytes.withUnsafeBytes { bytes in
                for start in stride(from: 0, to: bytes.count, by: Portioned.piece) {
                    if pause > 0 { usleep(pause) }
                    try sink.write(UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + Portioned.piece, bytes.count)]))
                }
            }
            return head
        }
    }

    /// Fetches `count` bytes; whether the transport then takes the registry for a near one.
    private func isNear(_ transport: MeteringTransport) throws -> Bool {
        try transport.perform(TransportRequest("GET", "http://a.test/")) { _ in BytesSink() }
        return transport.isFast
    }

    private func answering(_ count: Int, pause: UInt32 = 0) -> MeteringTransport {
        let bytes = [UInt8](repeating: 1, count: count)
        return MeteringTransport(Portioned(transport: RecordedTransport { _ in .init(body: bytes) }, pause: pause))
    }

    @Test func `is told by a long answer that comes at once`() throws {
        // So long that a thread may well lose its turn meanwhile; on a busy machine again and again.
        let tries = try (0..<20).contains { _ in try isNear(answering(16 << 20)) }
        #expect(tries)
        #expect(try !isNear(answering(1 << 20, pause: 2000)))
        #expect(try !isNear(answering(200 << 10)), "what buffers on the way take tells nothing")
        #expect(try !isNear(answering(Portioned.piece)))
    }

    /// How the blobs of a resource of thousands of files are asked for.
    private func coding(pause: UInt32) throws -> String? {
        let registry = FakeTransfers()
        let (home, other) = (try TemporaryFolder(), try TemporaryFolder())
        let name = try Locator(parsing: "team/tree:1")
        let alice = try Client(home: home.path, environment: "http://a.test", transport: registry.transport)
        let operation = try alice.store.begin()
        var files: [ResourceFile] = []
        for number in 0..<3000 {
            _ = try operation.stage(BytesSource(Array("content \(number)".utf8)), expecting: nil)
            // Names that do not shrink: the description is sent compressed, and is to be a long one.
            let name = (0..<3).map { sha256(Array("\(number) \($0)".utf8)).hex }.joined()
            files.append(try file("d/\(name)", "content \(number)"))
        }
        let manifest = try ResourceManifest(definition: try definition("tree", ["path": "team", "tag": "1"]), files: files)
        _ = try operation.commit(manifest, as: Reference(repository: "team/tree", tag: "1"))
        _ = try alice.push(name, to: nil)
        let transport = registry.transport
        let bob = try Client(home: other.path, environment: "http://a.test", transport: Portioned(transport: transport, pause: pause))
        let record = try bob.pull(name, from: nil)
        #expect(try bob.store.manifest(of: record).files == manifest.files)
        return transport.asked.first { $0.url.contains("/blobs/fetch") }?.headers["Accept-Encoding"]
    }

    @Test func `sends blobs as they are, and one that is not compresses them`() throws {
        #expect(try coding(pause: 5000) == ContentCoding.accepted)
        // A thread that loses its turn makes any registry look far.
        #expect(try (0..<10).contains { _ in try coding(pause: 0) == "identity" })
    }
}
