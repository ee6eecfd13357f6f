import Foundation
import RxHTTP
import RxModel
import RxPosix
import RxStore
import Synchronization
import Testing

@testable import RxClient

@Suite struct RetryTests {
    /// Tries again without waiting long.
    static func transport(_ change: (inout RetryPolicy) -> Void = { _ in }) -> RetryingTransport {
        var policy = RetryPolicy()
        (policy.attempts, policy.pause) = (3, 0.001)
        change(&policy)
        return RetryingTransport(patient(), policy)
    }

    /// Answers by the number of the request, from 1 on.
    static func server(_ respond: @escaping @Sendable (Int, WireServer.Request) -> WireServer.Answer?) -> WireServer {
        let count = Shared(0)
        return WireServer { request in
            _ = request.body()
            return respond(
                count.change {
                    $0 += 1; return $0
                }, request)
        }
    }

    @Test(arguments: [408, 429, 502, 503, 504], ["GET", "HEAD", "PUT", "DELETE", "POST"])
    func `a passing answer is asked for again where that is safe`(_ status: Int, _ method: String) throws {
        let server = RetryTests.server { round, _ in WireServer.Answer(round < 3 ? status : 200, [:], "x".utf8) }
        var request = TransportRequest(method, server.url("/a"))
        if method == "PUT" || method == "POST" { request.body = .bytes([1, 2], type: "a/b") }
        if method == "POST" {
            #expect(try RetryTests.transport().collect(request).head.status == status, "a POST is not safe by itself")
            #expect(server.asked.count == 1)
            request.isIdempotent = true
        }
        #expect(try RetryTests.transport().collect(request).head.status == 200)
        #expect(server.asked.count == (method == "POST" ? 3 : 3))
    }

    @Test func `the last answer is the answer`() throws {
        let server = RetryTests.server { _, _ in WireServer.Answer(503, [:], "busy".utf8) }
        let sink = BytesSink()
        let heads = Shared(0)
        let head = try RetryTests.transport().perform(TransportRequest("GET", server.url())) { _ in
            heads.change { $0 += 1 }
            return sink
        }
        #expect(head.status == 503 && sink.bytes == Array("busy".utf8) && heads.value == 1)
        #expect(server.asked.count == 3)
        for status in [400, 404, 500, 507] {
            let other = RetryTests.server { _, _ in WireServer.Answer(status) }
            #expect(try RetryTests.transport().collect(TransportRequest("GET", other.url())).head.status == status)
            #expect(other.asked.count == 1, "\(status) is not about the moment")
        }
    }

    @Test func `a lost connection is tried again while the caller has seen nothing`() throws {
        let lost = RetryTests.server { round, _ in round < 3 ? nil : WireServer.Answer(200, [:], "x".utf8) }
        #expect(try RetryTests.transport().collect(TransportRequest("GET", lost.url())).body == Array("x".utf8))
        let cut = RetryTests.server { _, _ in WireServer.Answer(200, [:], "half".utf8, length: 8) }
        let sink = BytesSink()
        #expect(
            registryError { try RetryTests.transport().perform(TransportRequest("GET", cut.url())) { _ in sink } }?.code == .unreachable)
        #expect(sink.bytes == Array("half".utf8) && cut.asked.count == 1, "what was seen is not seen twice")
        let mended = RetryTests.server { round, _ in
            round == 1 ? WireServer.Answer(200, [:], "half".utf8, length: 8) : WireServer.Answer(200, [:], "halfhalf".utf8)
        }
        #expect(try RetryTests.transport().collect(TransportRequest("GET", mended.url())).body == Array("halfhalf".utf8))
        let stream = RetryTests.server { _, _ in nil }
        let request = TransportRequest("PUT", stream.url(), body: .stream(BytesSource([1]), length: 1, type: "a/b"))
        #expect(registryError { try RetryTests.transport().collect(request) } != nil)
        #expect(stream.asked.count == 1, "a stream is read once")
    }

    @Test func `one that stands still is tried again`() throws {
        let server = RetryTests.server { round, _ in
            if round == 1 { sleep(20) }
            return WireServer.Answer(200)
        }
        var policy = RetryPolicy()
        (policy.attempts, policy.pause) = (3, 0.001)
        let transport = RetryingTransport(patient { ($0.stallSeconds, $0.firstByteSeconds) = (4, 4) }, policy)
        #expect(try transport.collect(TransportRequest("GET", server.url())).head.status == 200)
        #expect(server.asked.count == 2)
    }

    @Test func `who was never there is told at once, who was is waited for`() throws {
        let slow = RetryTests.transport {
            $0.pause = 1000; $0.random = { 1 }
        }
        let start = Clock.monotonic
        for url in ["http://127.0.0.1:1/", "http://name.invalid/"] {
            #expect(registryError { try slow.collect(TransportRequest("GET", url)) }?.message.hasPrefix("Unable to connect") == true)
        }
        #expect(Clock.monotonic - start < 500_000_000_000)
        let tries = Shared(0)
        let flaky = RecordedTransport { asked in
            let round = tries.change {
                $0 += 1; return $0
            }
            guard round == 2 || round == 3 else { return RecordedTransport.Answer() }
            throw HTTPFailure(.refused, "refused").error(endpoint: asked.url)
        }
        var policy = RetryPolicy()
        policy.pause = 0.001
        let transport = RetryingTransport(flaky, policy)
        for _ in 0..<2 { #expect(try transport.collect(TransportRequest("GET", "http://a.test/")).head.status == 200) }
        #expect(tries.value == 4)
    }

    @Test func `Retry-After is waited for, in seconds or to a date, up to a bound`() throws {
        let server = RetryTests.server { round, _ in WireServer.Answer(round == 1 ? 429 : 200, ["Retry-After": "1"]) }
        var start = Clock.monotonic
        #expect(try RetryTests.transport().collect(TransportRequest("GET", server.url())).head.status == 200)
        #expect(Clock.monotonic - start >= 1_000_000_000)
        let far = RetryTests.server { _, _ in WireServer.Answer(503, ["Retry-After": "31"]) }
        start = Clock.monotonic
        #expect(try RetryTests.transport().collect(TransportRequest("GET", far.url())).head.status == 503)
        #expect(far.asked.count == 1 && Clock.monotonic - start < 25_000_000_000)
        #expect(Patience.seconds("Sun, 06 Nov 1994 08:49:37 GMT") == 0 && Patience.seconds("7") == 7 && Patience.seconds("soon") == nil)
        let ahead = try #require(Patience.seconds("Sun, 06 Nov 2094 08:49:37 GMT"))
        #expect(ahead > 1_000_000_000)
    }

    @Test func `pauses grow to a bound, are drawn anew each time, and end with the deadline`() {
        var policy = RetryPolicy()
        (policy.attempts, policy.pause, policy.longestPause) = (100, 1, 8)
        policy.random = { 1 }
        #expect((1...5).map { policy.pause(after: $0) } == [1, 2, 4, 8, 8])
        policy.random = { 0.25 }
        #expect((1...3).map { policy.pause(after: $0) } == [0.25, 0.5, 1])
        let usual = RetryPolicy()
        #expect(Set((0..<20).map { _ in usual.pause(after: 3) }).count > 10 && usual.pause(after: 3) <= 2)
        policy.deadline = 0
        var patience = Patience(policy)
        #expect(patience.pause(after: ResponseHead(status: 503, url: "")) == nil)
    }

    @Test func `a request with a bound of its own ends with it`() throws {
        let server = ScriptedServer { connection in
            _ = connection.head()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            for _ in 0..<100 {
                connection.send([UInt8](repeating: 1, count: 100))
                usleep(100_000)
            }
        }
        var request = TransportRequest("GET", server.url())
        request.seconds = 2
        let start = Clock.monotonic
        let error = registryError { try patient().collect(request) }
        #expect(error?.message.hasSuffix("its answer is not whole after 2 s") == true, "\(error?.message ?? "")")
        #expect(Clock.monotonic - start < 60_000_000_000)
    }

    @Test func `what is tried again below is not tried again above`() throws {
        let server = RetryTests.server { _, _ in WireServer.Answer(503) }
        var policy = RetryPolicy()
        (policy.attempts, policy.pause) = (3, 0.001)
        let nested = RetryingTransport(RetryTests.transport(), policy)
        #expect(try nested.collect(TransportRequest("GET", server.url())).head.status == 503)
        #expect(server.asked.count == 3)
    }
}

@Suite struct TransferGateTests {
    @Test func `halves once an interval and grows by one a round`() {
        let gate = TransferGate(most: 8, interval: 1_000_000_000_000)
        #expect(gate.limit == 8)
        gate.congested()
        gate.congested()
        #expect(gate.limit == 4, "the same trouble counts once")
        for _ in 0..<5 { gate.run {} }
        #expect(gate.limit == 5)
        for _ in 0..<100 { gate.run {} }
        #expect(gate.limit == 8)
        let quick = TransferGate(most: 8, interval: 0)
        for _ in 0..<10 { quick.congested() }
        #expect(quick.limit == 1, "one always runs")
        #expect(quick.lanes == 1 && gate.lanes == 2)
    }

    @Test func `lets no more through at once than it says`() throws {
        let gate = TransferGate(most: 6, interval: 0)
        let running = Shared((now: 0, most: 0))
        func work() throws {
            try gate.forEach(0..<40) { _ in
                running.change {
                    $0.now += 1; $0.most = max($0.most, $0.now)
                }
                usleep(2000)
                running.change { $0.now -= 1 }
            }
        }
        try work()
        #expect(running.value.most <= 6 && running.value.most > 1)
        gate.congested()
        gate.congested()
        gate.congested()
        running.change { $0.most = 0 }
        try gate.forEach(0..<1) { _ in running.change { $0.most = max($0.most, gate.limit) } }
        #expect(running.value.most == 1)
        #expect(throws: RegistryError.self) {
            try gate.forEach(0..<40) { if $0 == 3 { throw RegistryError("x", code: .notFound) } }
        }
    }

    @Test func `a busy registry is sent to by fewer at once`() throws {
        let count = Shared(0)
        let server = WireServer { _ in
            WireServer.Answer(
                count.change {
                    $0 += 1; return $0
                } == 1 ? 429 : 404)
        }
        let client = try server.client()
        #expect(client.gate.limit == 8)
        #expect(try client.manifest("a", .tag("x")) == nil)
        #expect(client.gate.limit == 4)
    }
}
