import RxLoader
import RxModel
import Synchronization
import Testing

private let down = Reply.condition(.unavailable, "down")

@Suite struct WrapperTests {
    @Test func `a retry asks again after growing pauses`() async {
        let time = TestTime()
        let script = Script(down, down, down, Reply(.text("up")))
        let retry = Retry(script, tries: 5, pause: .seconds(1), longest: .seconds(3), time: time.source)
        #expect(await retry.get(Headers()).body.text == "up")
        #expect(script.asked == 4)
        #expect(time.slept == [.seconds(1), .seconds(2), .seconds(3)])
    }

    @Test func `a retry gives up, and asks once for what does not pass`() async {
        let time = TestTime()
        let script = Script(down)
        #expect(await Retry(script, tries: 3, time: time.source).get(Headers()).message == "down")
        #expect(script.asked == 3)
        let missing = Script(.notFound)
        #expect(await Retry(missing, tries: 3, time: time.source).get(Headers()).condition == .notFound)
        #expect(missing.asked == 1)
    }

    @Test func `a put is sent again only on demand`() async {
        let time = TestTime()
        let script = Script(down, Reply())
        #expect(await Retry(script, time: time.source).put(Headers(), .empty).condition == .unavailable)
        #expect(script.asked == 1)
        let again = Script(down, Reply())
        #expect(await Retry(again, repeatsPuts: true, time: time.source).put(Headers(), .empty).isGood)
        #expect(again.asked == 2)
    }

    @Test func `a retry ends with its task`() async {
        let script = Script(down)
        let retry = Retry(script, tries: 1000, pause: .seconds(3600))
        let task = Task { await retry.get(Headers()) }
        await eventually("the first try") { script.asked == 1 }
        task.cancel()
        #expect(await task.value.condition == .unavailable)
        #expect(script.asked == 1)
    }

    @Test func `a circuit breaker opens, tries once, and closes`() async {
        let time = TestTime()
        let script = Script(down, down, down, Reply(.text("up")))
        let breaker = CircuitBreaker(script, failures: 2, cooldown: .seconds(30), time: time.source)
        for _ in 0..<2 { #expect(await breaker.get(Headers()).message == "down") }
        #expect(await breaker.get(Headers()).message == "it failed 2 times in a row and is left alone for now")
        #expect(script.asked == 2)
        time.advance(.seconds(30))
        #expect(await breaker.put(Headers(), .empty).message == "down", "the probe fails")
        #expect(await breaker.get(Headers()).condition == .unavailable)
        #expect(script.asked == 3)
        time.advance(.seconds(30))
        #expect(await breaker.get(Headers()).body.text == "up")
        #expect(await breaker.get(Headers()).body.text == "up")
    }

    @Test func `a good answer in between closes the count`() async {
        let script = Script(down, Reply(), down, .notFound, down)
        let breaker = CircuitBreaker(script, failures: 2, time: TestTime().source)
        for _ in 0..<5 { _ = await breaker.get(Headers()) }
        #expect(script.asked == 5, "what is not there is no failure")
    }

    @Test func `one probe runs at a time`() async {
        let time = TestTime()
        let (stream, gate) = AsyncStream.makeStream(of: Void.self)
        let asked = Mutex(0)
        let resource = Handler { _ in
            let number = asked.withLock { asked in
                asked += 1
                return asked
            }
            guard number > 1 else { return down }
            for await _ in stream { break }
            return Reply()
        }
        let breaker = CircuitBreaker(resource, failures: 1, cooldown: .seconds(1), time: time.source)
        _ = await breaker.get(Headers())
        time.advance(.seconds(2))
        let probe = Task { await breaker.get(Headers()) }
        await eventually("the probe") { asked.withLock { $0 } == 2 }
        #expect(await breaker.get(Headers()).condition == .unavailable)
        gate.yield()
        #expect(await probe.value.isGood)
        #expect(asked.withLock { $0 } == 2)
    }

    @Test func `a rate limit lets so many through`() async {
        let time = TestTime()
        let limit = RateLimit(Echo(), count: 3, per: .seconds(6), time: time.source)
        for _ in 0..<3 { #expect(await limit.get(Headers()).isGood) }
        let refused = await limit.put(Headers(), .empty)
        #expect(refused.condition == .rateLimited)
        #expect(refused.others["retryAfter"] == 2)
        time.advance(.seconds(2))
        #expect(await limit.get(Headers()).isGood)
        #expect(await limit.get(Headers()).condition == .rateLimited)
        time.advance(.seconds(600))
        for _ in 0..<3 { #expect(await limit.get(Headers()).isGood) }
        #expect(await limit.get(Headers()).condition == .rateLimited, "what is not used does not add up")
    }

    @Test(arguments: 1...20) func `no window lets more through than the limit twice`(_ seed: UInt64) async {
        var numbers = SeededNumbers(seed: seed)
        let time = TestTime()
        let count = Int.random(in: 1...9, using: &numbers)
        let limit = RateLimit(Echo(), count: count, per: .milliseconds(1000), time: time.source)
        var admitted: [Int] = []
        var now = 0
        for _ in 0..<400 {
            let step = Int.random(in: 0...120, using: &numbers)
            time.advance(.milliseconds(step))
            now += step
            if await limit.get(Headers()).isGood { admitted.append(now) }
        }
        for start in admitted { #expect(admitted.filter { (start..<start + 1000).contains($0) }.count <= 2 * count) }
        #expect(admitted.count >= now / 1000 * min(count, 5), "and it lets through what it promises")
    }

    @Test func `a trace tells of each request in one line`() async {
        let time = TestTime()
        let lines = Mutex<[String]>([])
        let slow = Handler { headers in
            time.advance(.microseconds(1234))
            return headers.path == "/a" ? Reply() : .notFound
        }
        let logged = Logged(slow, time: time.source) { line in lines.withLock { $0.append(line) } }
        _ = await logged.get(Headers("/a"))
        _ = await logged.get(Headers("/b\nget \"/c\" ok", peer: "x\ny"))
        _ = await logged.put(Headers("/d"), .empty)
        #expect(
            lines.withLock { $0 } == [
                #"get "/a" ok 1.234 ms"#, #"get "/b\nget \"/c\" ok" from "x\ny" not-found 1.234 ms"#, #"put "/d" not-found 0.000 ms"#,
            ])
    }

    @Test func `guards refuse`() async {
        let echo = Echo()
        #expect(await ReadOnly(echo).get(Headers("/a")).body.text == "/a")
        #expect(await ReadOnly(echo).put(Headers("/a"), .text("x")).condition == .readOnly)
        #expect(await Forbidden().get(Headers("/a")).condition == .forbidden)
        #expect(await Forbidden("ask Ada").put(Headers("/a"), .empty).message == "ask Ada")
        let some = Forbidden(echo) { $0.peer != "ada" }
        #expect(await some.get(Headers("/a", peer: "bob")).condition == .forbidden)
        #expect(await some.put(Headers("/a", peer: "ada"), .text("x")).isGood)
        #expect(echo.requests.count == 2, "nothing that is refused reaches the resource")
    }
}
