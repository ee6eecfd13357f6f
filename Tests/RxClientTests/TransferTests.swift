import Foundation
import Glibc
import RxArchive
import RxCrypto
import RxHTTP
import RxModel
import RxPosix
import RxProtocol
import RxStore
import RxTesting
import Synchronization
import Testing

@testable import RxClient

/// Pushes and pulls of a registry with negotiated transfers: what they ask, and how often. Source: Specs/12-transfer, "Client".
@Suite struct `A negotiated transfer` {
    let home: TemporaryFolder
    let other: TemporaryFolder
    let registry = FakeTransfers()
    let name: Locator

    init() throws {
        home = try TemporaryFolder()
        other = try TemporaryFolder()
        name = try Locator(parsing: "team/hello:1")
    }

    func client(_ transport: RecordedTransport, _ folder: TemporaryFolder? = nil) throws -> Client {
        try Client(home: (folder ?? home).path, environment: "http://a.test", transport: transport)
    }

    /// Content that does not compress, of this many bytes.
    func noise(_ seed: UInt64, _ count: Int) -> String {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        var text: [UInt8] = []
        while text.count < count {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            text += Hex.text((0..<8).map { UInt8(truncatingIfNeeded: state >> (8 * $0)) }).utf8
        }
        return String(decoding: text.prefix(count), as: UTF8.self)
    }

    @discardableResult
    func put(_ files: [String: String], in client: Client, tag: String = "1") throws -> ResourceRecord {
        try RxTesting.put(files, definition("hello", ["path": "team", "tag": .string(tag)]), in: client.store)
    }

    func asked(_ transport: RecordedTransport) -> [String] {
        transport.asked.map { "\($0.method) \($0.url.dropFirst("http://a.test".count).prefix { $0 != "?" })" }
    }

    /// In the one request of a small resource, and in a stream.
    @Test(arguments: [100, 1 << 20], [true, false])
    func `a blob that is lost here is named with its file, and with what to do`(_ size: Int, _ isGone: Bool) throws {
        let alice = try client(registry.transport)
        let files = ["a": "hello", "lost/file": noise(7, size), "z": "other"]
        let record = try put(files, in: alice)
        let digest = sha256(Array(noise(7, size).utf8))
        let path = "\(home.path)/blobs/sha256/\(digest.hex.prefix(2))/\(digest.hex)"
        #expect(chmod(path, 0o644) == 0)
        #expect((isGone ? unlink(path) : truncate(path, off_t(size - 1))) == 0)
        let error = #expect(throws: RegistryError.self) { try alice.push(name, to: nil) }
        #expect(error?.code == .blobUnknown)
        #expect(
            error?.message == "Blob not found in the local store: \(digest), which is the file lost/file of \(record.reference.locator)",
            "\(String(describing: error))")
        #expect(error?.hint?.hasSuffix("pull or add \(record.reference.locator) again, then push it") == true)
        try put(files, in: alice)
        _ = try alice.push(name, to: nil)
    }

    @Test func `a small resource is pushed by one request, again by one, and pulled by two`() throws {
        let transport = registry.transport
        let alice = try client(transport)
        let record = try put(["a": "hello", "b/c": "hello", "d": "other"], in: alice)
        let pushed = try alice.pushing(name, to: nil)
        #expect(asked(transport) == ["POST /api/v1/blobs"], "also to a registry that was never asked before")
        #expect(registry.tag("team/hello:1") == record.manifestDigest && pushed.receipt.manifestDigest == record.manifestDigest)
        #expect(pushed.report.blobs == 3 && pushed.report.sentBlobs == 2, "two contents; the config is no file: \(pushed.report)")
        #expect(pushed.report.requests == 1 && pushed.report.wireBytes > 0)
        let again = try alice.pushing(name, to: nil)
        #expect(asked(transport).dropFirst() == ["POST /api/v1/blobs"])
        #expect(again.report.requests == 1 && again.report.sentBlobs == 0 && again.report.reusedBlobs == 3)

        let reading = registry.transport
        let bob = try client(reading, other)
        let pulled = try bob.pulling(name, from: nil)
        #expect(asked(reading) == ["GET /api/v1/resource/team%2Fhello%3A1", "POST /api/v1/blobs/fetch"])
        #expect(pulled.record.manifestDigest == record.manifestDigest && pulled.report.requests == 2)
        #expect(pulled.report.sentBlobs == 2 && pulled.report.reusedBlobs == 1, "the same content comes once: \(pulled.report)")
        for file in try bob.store.manifest(of: pulled.record).files { #expect(try bob.store.open(file.digest).readAll().count == 5) }
        let warm = try bob.pulling(name, from: nil)
        #expect(asked(reading).dropFirst(2) == ["GET /api/v1/resource/team%2Fhello%3A1"])
        #expect(warm.record == pulled.record && warm.report.sentBlobs == 0 && warm.report.wireBytes == 0, "it came as 304")
    }

    @Test func `one changed file costs two requests and its own bytes`() throws {
        let files = Dictionary(uniqueKeysWithValues: (0..<300).map { ("f\($0)", noise(UInt64($0), 8000)) })
        let alice = try client(registry.transport)
        try put(files, in: alice)
        let cold = try alice.pushing(name, to: nil).report
        #expect(cold.requests == 2 && cold.sentBlobs == 300, "the manifest asks, one stream brings all and commits: \(cold)")
        let record = try put(files.merging(["f7": noise(1000, 8000)]) { $1 }, in: alice, tag: "2")
        let transport = registry.transport
        let report = try client(transport).pushing(Locator(parsing: "team/hello:2"), to: nil).report
        #expect(asked(transport) == ["POST /api/v1/blobs", "POST /api/v1/blobs"])
        #expect(report.sentBlobs == 1 && report.reusedBlobs == 299)
        let manifest = try zstdCompressed(try alice.store.manifest(of: record).bytes).count
        #expect(report.wireBytes < manifest + 8000 + 2000, "\(report.wireBytes) for a manifest of \(manifest)")
        #expect(registry.tag("team/hello:2") == record.manifestDigest)
        let bob = try client(registry.transport, other)
        #expect(try bob.pulling(name, from: nil).report.requests == 2)
        let next = try bob.pulling(Locator(parsing: "team/hello:2"), from: nil).report
        #expect(next.sentBlobs == 1 && next.requests == 2)
    }

    @Test func `much goes in two streams at once, and is committed behind them`() throws {
        let files = Dictionary(uniqueKeysWithValues: (0..<40).map { ("f\($0)", "\($0)" + String(repeating: "x", count: 500_000)) })
        let transport = registry.transport
        let alice = try client(transport)
        try put(files, in: alice)
        let report = try alice.pushing(name, to: nil).report
        #expect(asked(transport).count == 4 && report.sentBlobs == 40, "\(asked(transport))")
        #expect(transport.asked[1...2].allSatisfy { $0.url.contains("repository=team%2Fhello") })
        #expect(transport.asked[3].url.contains("manifest=") && transport.asked[3].body.isEmpty)
        let bob = try client(registry.transport, other)
        let pulled = try bob.pulling(name, from: nil)
        #expect(pulled.report.requests == 3 && pulled.report.sentBlobs == 40)
        #expect(try bob.store.collect(dryRun: true, leaseTime: 0).blobs == 0)
    }

    @Test func `what arrived before a connection broke is not sent again`() throws {
        let files = Dictionary(uniqueKeysWithValues: (0..<200).map { ("f\($0)", noise(UInt64($0), 8000)) })
        let alice = try client(registry.transport)
        try put(files, in: alice)
        registry.change { $0.faults = [.none, .breakAfter(150)] }
        let transport = registry.transport
        let report = try client(transport).pushing(name, to: nil).report
        #expect(asked(transport).count == 4, "the manifest, the stream that breaks, what is missing now, the rest: \(asked(transport))")
        let rest = try BatchReader(BytesSource(transport.asked[3].body))
        var count = 0
        while try rest.next() != nil { count += 1 }
        #expect(count == 51 && report.requests == 4)
        #expect(registry.tag("team/hello:1") != nil)
        registry.change { $0.faults = [.none, .breakAfter(120)] }
        let reading = registry.transport
        let bob = try client(reading, other)
        #expect(try bob.pulling(name, from: nil).report.requests == 3)
        let second = try FetchQuery(parsing: reading.asked[2].body)
        guard case .positions(let positions, _) = second.selection else { return #expect(Bool(false), "\(second)") }
        #expect(positions.count <= 80 && positions.count >= 79, "\(positions.count)")
    }

    @Test func `what came before a pull failed for good is here for the next one`() throws {
        let files = Dictionary(uniqueKeysWithValues: (0..<60).map { ("f\($0)", noise(UInt64($0), 8000)) })
        let alice = try client(registry.transport)
        try put(files, in: alice)
        _ = try alice.push(name, to: nil)
        let lost = try sha256(Array(#require(files["f9"]).utf8))
        let kept = registry.change { $0.blobs.updateValue(Array(noise(77, 8000).utf8), forKey: lost) }
        let bob = try client(registry.transport, other)
        let error = #expect(throws: ContentError.self) { try bob.pull(name, from: nil) }
        #expect(error?.code == .digestInvalid)
        #expect(try bob.store.search(SearchQuery()).total == 0)
        registry.change { $0.blobs[lost] = kept }
        #expect(try bob.pulling(name, from: nil).report.sentBlobs < 60)
    }

    @Test func `a busy registry is asked again`() throws {
        let alice = try client(registry.transport)
        try put(["a": "hello"], in: alice)
        var busy = FakeTransfers.error(503, "OVERLOADED")
        busy.headers["Retry-After"] = "0"
        registry.change { [busy] in $0.faults = [.answer(busy)] }
        #expect(try alice.pushing(name, to: nil).report.requests == 2)
        busy.headers["Retry-After"] = "86400"
        registry.change { [busy] in $0.faults = [.answer(busy)] }
        let error = #expect(throws: RegistryError.self) { try client(registry.transport, other).pull(name, from: nil) }
        #expect(error?.code.status == 503)
    }

    @Test func `a damaged blob is found when the registry refuses it, and set aside`() throws {
        let alice = try client(registry.transport)
        try put(["a": "hello", "b": "other"], in: alice)
        let digest = sha256(Array("hello".utf8))
        let path = "\(home.path)/blobs/sha256/\(digest.hex.prefix(2))/\(digest.hex)"
        try home.write("damaged", "jello")
        #expect(rename("\(home.path)/damaged", path) == 0)
        let error = #expect(throws: ContentError.self) { try alice.push(name, to: nil) }
        #expect(error?.message.contains("\(digest) is damaged in the local store and was set aside") == true, "\(error?.message ?? "")")
        #expect(throws: RegistryError.self) { try alice.store.size(of: digest) }
        #expect(registry.tag("team/hello:1") == nil)
        try put(["a": "hello", "b": "other"], in: alice)
        _ = try alice.push(name, to: nil)
        #expect(registry.tag("team/hello:1") != nil)
    }

    @Test func `a copy that lost a blob is mended although the registry has nothing new`() throws {
        let alice = try client(registry.transport)
        try put(["a": "hello", "b": "other"], in: alice)
        _ = try alice.push(name, to: nil)
        let bob = try client(registry.transport, other)
        let record = try bob.pull(name, from: nil)
        let digest = sha256(Array("hello".utf8))
        #expect(unlink("\(other.path)/blobs/sha256/\(digest.hex.prefix(2))/\(digest.hex)") == 0)
        let mended = try bob.pulling(name, from: nil)
        #expect(mended.report.sentBlobs == 1 && mended.record == record)
        #expect(try bob.store.open(digest).readAll() == Array("hello".utf8))
    }

    /// Before the copy is looked at, and while what was lost of it comes.
    @Test(arguments: ["/resource/", "/blobs/fetch"])
    func `a copy that others remove while it is mended comes whole`(_ call: String) throws {
        let alice = try client(registry.transport)
        let record = try put(["a": "hello", "b": "other"], in: alice)
        _ = try alice.push(name, to: nil)
        let bob = try client(registry.transport, other)
        _ = try bob.pull(name, from: nil)
        let digest = sha256(Array("hello".utf8))
        #expect(unlink("\(other.path)/blobs/sha256/\(digest.hex.prefix(2))/\(digest.hex)") == 0)
        let removed = Atomic(false)
        let transport = RecordedTransport { [registry] asked in
            let answer = try registry.transport.respond(asked)
            if asked.url.contains(call), !removed.exchange(true, ordering: .relaxed) { _ = try bob.store.removeCached(registry: nil) }
            return answer
        }
        let pulled = try client(transport, other).pull(name, from: nil)
        #expect(pulled.manifestDigest == record.manifestDigest && removed.load(ordering: .relaxed))
        let found = try bob.store.resolve(registry: "a.test", repository: "team/hello", selector: .tag("1"))
        #expect(found?.manifestDigest == record.manifestDigest)
        #expect(try bob.store.open(digest).readAll() == Array("hello".utf8))
    }

    @Test func `a registry that lost the calls, or never had them, gets the archive`() throws {
        let fake = try FakeRegistry()
        let old = fake.transport()
        let alice = try client(old)
        try RxTesting.put(["content": "hello"], fake.manifest.definition, in: alice.store)
        alice.faces.note(.rx, transfers: true, for: try alice.registry(nil))
        #expect(try alice.push(name, to: nil).receipt.digest == fake.manifest.tree)
        #expect(asked(old) == ["POST /api/v1/blobs", "POST /api/v1/publish"])
        #expect(try client(old).faces.transfers(of: alice.registry(nil)) == false, "the next process knows it")
        _ = try client(old).push(name, to: nil)
        #expect(asked(old).dropFirst(2) == ["POST /api/v1/publish"])
        _ = try client(old, other).pull(name, from: nil)
        #expect(asked(old).suffix(2).map { String($0.prefix(24)) } == ["GET /api/v1/resource/tea", "GET /api/v1/content/team"])
    }

    @Test func `a name that /v2/ cannot have is pushed and pulled with large files and all`() throws {
        let alice = try client(registry.transport)
        let upper = try Locator(parsing: "Team/Hello:1")
        let record = try RxTesting.put(
            ["a": String(repeating: "y", count: 9 << 20), "b": "x"], definition("Hello", ["path": "Team", "tag": "1"]), in: alice.store)
        let transport = registry.transport
        _ = try client(transport).push(upper, to: nil)
        #expect(asked(transport).allSatisfy { $0 == "POST /api/v1/blobs" })
        let bob = try client(registry.transport, other)
        let pulled = try bob.pull(upper, from: nil)
        #expect(pulled.manifestDigest == record.manifestDigest)
        let files = try bob.store.manifest(of: pulled).files
        #expect(files.map(\.size) == [9 << 20, 1])
        for file in files { #expect(try bob.store.open(file.digest).readAll().count == file.size) }
    }

    @Test func `a blob that nobody asked for is refused`() throws {
        let alice = try client(registry.transport)
        try put(["a": "hello"], in: alice)
        _ = try alice.push(name, to: nil)
        let sink = BytesSink()
        let writer = BatchWriter(to: sink)
        try writer.add(sha256([1, 2]), size: 2, content: BytesSource([1, 2]))
        try writer.finish()
        let answer = RecordedTransport.Answer(headers: FakeTransfers.headers, body: sink.bytes)
        registry.change { [answer] in $0.faults = [.none, .answer(answer)] }
        let bob = try client(registry.transport, other)
        let error = #expect(throws: ContentError.self) { try bob.pull(name, from: nil) }
        #expect(error?.message.contains("not asked for") == true)
        #expect(throws: RegistryError.self) { try bob.store.size(of: sha256([1, 2])) }
        let none = RecordedTransport.Answer(headers: FakeTransfers.headers, body: [UInt8](repeating: 7, count: 5000))
        registry.change { [none] in $0.faults = [.none, .answer(none)] }
        let broken = #expect(throws: ContentError.self) { try bob.pull(name, from: nil) }
        #expect(
            broken?.message.hasPrefix("http://a.test sent another stream than the blobs of team/hello that it was asked for: ") == true
                && broken?.hint != nil, "\(broken?.message ?? "")")
    }

    @Test(arguments: [
        "[[0,9223372036854775806]]", "[[0,9223372036854775807]]", "[[7,9223372036854775805]]", "[[3,2]]", "[[-1,0]]", "[[1,1],[2,2]]", "{}",
    ])
    func `positions that no manifest has are refused`(_ positions: String) throws {
        let alice = try client(registry.transport)
        try put(["a": noise(1, 2 << 20)], in: alice)
        let last = positions.split { !$0.isNumber }.last.flatMap { Int($0) } ?? 0
        let count = last == .max - 2 ? last - 6 : last &+ 1
        let body = #"{"bytes":1,"count":\#(count),"missing":\#(positions)}"#
        let answer = RecordedTransport.Answer(status: 202, headers: FakeTransfers.headers, body: Array(body.utf8))
        registry.change { [answer] in $0.faults = [.answer(answer)] }
        let error = #expect(throws: RegistryError.self) { try alice.push(name, to: nil) }
        #expect(error?.code == .invalidAnswer, "\(error?.message ?? "")")
        #expect(registry.tag("team/hello:1") == nil)
    }

    @Test func `a large blob that was tried in vain is not tried again with the rest`() throws {
        let alice = try client(registry.transport)
        let record = try put(["a": noise(1, 9 << 20), "b": "x"], in: alice)
        let fake = registry.transport
        let transport = RecordedTransport { asked in
            guard !asked.url.contains("/v2/") else { throw FakeTransfers.broken }
            return try fake.respond(asked)
        }
        let registry = try alice.registry(nil)
        var policy = RetryPolicy()
        (policy.attempts, policy.pause) = (2, 0.001)
        let metered = MeteringTransport(transport)
        let retrying = RetryingTransport(metered, policy)
        var distribution = DistributionClient(registry, transport: retrying)
        distribution.limits.retry = policy
        let push = ResourcePush(
            calls: TransferCalls(registry: registry, transport: retrying),
            large: LargeBlobs(client: distribution, repository: "team/hello", delta: nil), store: alice.store,
            notes: TransferNotes(home: home.path), progress: NoProgress(), meter: TransferMeter(metered), record: record, target: name)
        let error = #expect(throws: RegistryError.self) { try push.run() }
        #expect(error?.code == .unreachable)
        #expect(transport.asked.count { $0.url.contains("/uploads/") } == 2)
        #expect(transport.asked.count { $0.url.contains("manifest=") } == 1, "\(asked(transport))")
    }

    @Test func `of the notes of what was pushed the oldest go`() throws {
        let notes = TransferNotes(home: home.path)
        let url = try RegistryURL(parsing: "http://a.test")
        notes.note(sha256([1]), as: name, at: url)
        let folder = "\(home.path)/cache/pushed"
        for number in 0..<TransferNotes.most {
            let path = try home.write("cache/pushed/\(number)", "")
            if number < TransferNotes.most / 10 { touch(path, at: 1000) }
        }
        notes.note(sha256([2]), as: name, at: url)
        #expect(notes.manifest(name, at: url) == sha256([2]))
        #expect(try RxPosix.Files.names(in: folder).count == TransferNotes.most * 9 / 10)
        #expect(!FileManager.default.fileExists(atPath: "\(folder)/0"))
    }

    private func touch(_ path: String, at seconds: Int) {
        var times = [timespec(tv_sec: seconds, tv_nsec: 0), timespec(tv_sec: seconds, tv_nsec: 0)]
        utimensat(AT_FDCWD, path, &times, 0)
    }

    @Test func `an older copy is not taken for the newest`() throws {
        let alice = try client(registry.transport)
        let record = try put(["a": "hello"], in: alice, tag: "latest")
        let latest = try Locator(parsing: "team/hello")
        _ = try alice.push(latest, to: nil)
        let transport = registry.transport
        _ = try client(transport).push(latest, to: nil)
        #expect(asked(transport) == ["POST /api/v1/blobs"] && transport.asked[0].body.isEmpty, "only a commit says what latest names")
        registry.change { $0.tags = [:] }
        _ = try client(registry.transport).push(latest, to: nil)
        #expect(registry.tag("team/hello:latest") == record.manifestDigest || registry.tag("team/hello") == record.manifestDigest)
    }
}
