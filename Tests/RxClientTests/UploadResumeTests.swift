import Foundation
import RxHTTP
import RxModel
import RxTesting
import Testing

@testable import RxClient

/// Long uploads go on in a later process, where the registry still has what an earlier one sent.
@Suite struct UploadResumeTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    var notes: UploadNotes { UploadNotes(folder: "\(folder.path)/uploads") }
    func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: notes.folder) }

    /// A client as a process has it; it dies when it begins its chunk of this number, from 1 on.
    func client(_ url: String, dyingAt chunk: Int? = nil, _ asked: Shared<[String]>) throws -> DistributionClient {
        var client = DistributionClient(try RegistryURL(parsing: url), transport: DyingTransport(patient(), chunk, asked))
        (client.limits.chunk, client.uploads) = (2 << 20, notes)
        return client
    }

    @Test(arguments: [false, true]) func `only what the session lacks is sent`(_ isDocker: Bool) throws {
        let docker = isDocker ? try DockerRegistry() : nil
        let own = isDocker ? nil : try RegistryProcess()
        let url = try #require(docker?.url ?? own?.url)
        let (bytes, descriptor) = blob(9 << 20)
        let first = Shared<[String]>([])
        #expect(throws: RegistryError.self) { try client(url, dyingAt: 4, first).push(descriptor, to: "team/a") { BytesSource(bytes) } }
        #expect(try names().count == 1)
        let second = Shared<[String]>([])
        let moved = CountedProgress()
        let later = try client(url, second)
        var counted = DistributionClient(later.registry, transport: later.transport, progress: moved)
        (counted.limits, counted.uploads) = (later.limits, notes)
        try counted.push(descriptor, to: "team/a") { BytesSource(bytes) }
        #expect(second.value == ["GET", "PATCH", "PATCH", "PUT"], "three of five chunks were there")
        #expect(moved.bytes.value == descriptor.size, "what was there counts as done")
        #expect(try names().isEmpty)
        #expect(try later.bytes(descriptor) == bytes)
        withExtendedLifetime((docker, own)) {}
    }

    @Test func `a session that is gone begins anew, and short blobs leave no note`() throws {
        let registry = try RegistryProcess()
        let (bytes, descriptor) = blob(9 << 20)
        let asked = Shared<[String]>([])
        #expect(throws: RegistryError.self) {
            try client(registry.url, dyingAt: 2, asked).push(descriptor, to: "team/a") { BytesSource(bytes) }
        }
        let note = "\(notes.folder)/\(try #require(try names().first))"
        let place = try String(contentsOfFile: note, encoding: .utf8)
        #expect(try curl("-X", "DELETE", place).status == 204)
        try client(registry.url, asked).push(descriptor, to: "team/a") { BytesSource(bytes) }
        #expect(try client(registry.url, asked).bytes(descriptor) == bytes)
        try Data("no place".utf8).write(to: URL(fileURLWithPath: note))
        try client(registry.url, asked).push(descriptor, to: "team/b") { BytesSource(bytes) }
        let (short, small) = blob(1000)
        #expect(throws: RegistryError.self) { try client(registry.url, dyingAt: 0, asked).push(small, to: "team/a") { BytesSource(short) } }
        #expect(try names() == [(note as NSString).lastPathComponent])
    }

    @Test func `two that send the same do not send to one session`() throws {
        let (bytes, descriptor) = blob(9 << 20)
        let registry = try RegistryProcess()
        let held = try #require(notes.take(descriptor, "team/a", try RegistryURL(parsing: registry.url)))
        #expect(notes.take(descriptor, "team/a", try RegistryURL(parsing: registry.url)) == nil)
        try client(registry.url, Shared([])).push(descriptor, to: "team/a") { BytesSource(bytes) }
        #expect(try names().count == 1 && held.place == nil, "the other's note is the other's")
    }

    @Test func `a refusal forgets the session, a full registry does not`() throws {
        let (bytes, descriptor) = blob(9 << 20)
        for (status, kept) in [(403, 0), (507, 1), (500, 1)] {
            let server = WireServer { request in
                _ = request.body()
                return request.method == "POST" ? WireServer.Answer(202, ["Location": "/s"]) : WireServer.Answer(status)
            }
            let asked = Shared<[String]>([])
            #expect(throws: RegistryError.self) { try client(server.url(), asked).push(descriptor, to: "a") { BytesSource(bytes) } }
            #expect(try names().count == kept, "\(status)")
            #expect((asked.value.last == "DELETE") == (kept == 0))
            for name in try names() { try FileManager.default.removeItem(atPath: "\(notes.folder)/\(name)") }
        }
    }
}

/// Writes down the methods that are asked with, and dies like a process that is killed before a PATCH: nothing more is sent.
private struct DyingTransport: HTTPTransport {
    private let transport: any HTTPTransport
    private let last: Int?
    private let asked: Shared<[String]>
    private let state = Shared((chunks: 0, isDead: false))

    init(_ transport: any HTTPTransport, _ last: Int?, _ asked: Shared<[String]>) {
        self.transport = transport
        self.last = last
        self.asked = asked
    }

    func perform(_ request: TransportRequest, receive: (ResponseHead) throws -> any ByteSink) throws -> ResponseHead {
        let isDead = state.change { state in
            if request.method == "PATCH" { state.chunks += 1 }
            if let last, state.chunks >= last { state.isDead = true }
            return state.isDead
        }
        guard !isDead else { throw RegistryError("dead", code: .unreachable) }
        asked.change { $0.append(request.method) }
        return try transport.perform(request, receive: receive)
    }
}

private final class CountedProgress: RxClient.Progress {
    let bytes = Shared(0)
    func begin(_ what: String, total: Int?) {}
    func advance(_ count: Int) { bytes.change { $0 += count } }
    func end() {}
}
