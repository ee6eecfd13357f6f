import RxLoader
import RxModel
import Synchronization
import Testing

@Suite struct CellTests {
    /// Shows the laws for values drawn from few, so that equal ones meet often.
    static func laws<Value: Mergeable>(_ seed: UInt64, _ draw: (inout SeededNumbers) -> Value) {
        var numbers = SeededNumbers(seed: seed)
        for _ in 0..<300 {
            let (a, b, c) = (draw(&numbers), draw(&numbers), draw(&numbers))
            #expect(a.merged(with: b) == b.merged(with: a), "commutative: \(a), \(b)")
            #expect(a.merged(with: b).merged(with: c) == a.merged(with: b.merged(with: c)), "associative: \(a), \(b), \(c)")
            #expect(a.merged(with: a) == a, "idempotent: \(a)")
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func `values merge by the laws`(_ seed: UInt64) {
        CellTests.laws(seed) { Max(Int.random(in: -5...5, using: &$0)) }
        CellTests.laws(seed) { Min(Int.random(in: -5...5, using: &$0)) }
        CellTests.laws(seed) { numbers in
            Union(Set((0..<Int.random(in: 0...4, using: &numbers)).map { _ in Int.random(in: 0...5, using: &numbers) }))
        }
        CellTests.laws(seed) { numbers in
            LastWriter(
                Int.random(in: 0...2, using: &numbers), time: Int.random(in: 0...2, using: &numbers),
                writer: ["", "a", "b"].randomElement(using: &numbers)!)
        }
    }

    @Test func `each kind keeps what its name says`() {
        #expect(Max(1).merged(with: Max(2)).value == 2)
        #expect(Min(1).merged(with: Min(2)).value == 1)
        #expect(Union([1, 2]).merged(with: Union([2, 3])).elements == [1, 2, 3])
        #expect(LastWriter("new", time: 2).merged(with: LastWriter("old", time: 1)).value == "new")
        #expect(LastWriter("a", time: 1, writer: "x").merged(with: LastWriter("b", time: 1, writer: "y")).value == "b")
    }

    @Test func `a cell tells of changes only`() {
        let cell = Cell<Max<Int>>()
        let told = Mutex(0)
        var observation: Observation? = cell.observe { told.withLock { $0 += 1 } }
        #expect(cell.value == nil)
        #expect(cell.put(Max(2)))
        #expect(!cell.put(Max(1)))
        #expect(!cell.put(Max(2)))
        #expect(cell.put(Max(3)))
        #expect(cell.value == Max(3))
        #expect(told.withLock { $0 } == 2)
        withExtendedLifetime(observation) {}
        observation = nil
        cell.put(Max(4))
        #expect(told.withLock { $0 } == 2, "nobody observes any more")
    }

    @Test(arguments: 1...5) func `any order of puts, from many tasks, ends the same`(_ seed: UInt64) async {
        var numbers = SeededNumbers(seed: seed)
        let writes = (0..<200).map { _ in
            LastWriter(Int.random(in: 0...99, using: &numbers), time: Int.random(in: 0...9, using: &numbers), writer: "w")
        }
        let cell = Cell<LastWriter<Int>>()
        await withTaskGroup(of: Void.self) { group in
            for write in writes.shuffled(using: &numbers) { group.addTask { cell.put(write) } }
        }
        #expect(cell.value == writes.dropFirst().reduce(writes[0]) { $0.merged(with: $1) })
    }

    @Test func `a propagator recomputes when a cell changes`() async {
        let (low, high, width) = (Cell<Min<Int>>(), Cell<Max<Int>>(), Cell<Max<Int>>())
        let propagator = Propagator(low, high, into: width) { Max($1.value - $0.value) }
        low.put(Min(5))
        await propagator.settled()
        #expect(width.value == nil, "one of the two is not known yet")
        high.put(Max(7))
        await propagator.settled()
        #expect(width.value == Max(2))
        low.put(Min(1))
        await propagator.settled()
        #expect(width.value == Max(6))
    }

    @Test func `propagators follow one another`() async {
        let (a, b, c) = (Cell(Max(1)), Cell<Max<Int>>(), Cell<Max<Int>>())
        let first = Propagator(a, into: b) { Max($0.value * 10) }
        let second = Propagator(b, into: c) { Max($0.value + 1) }
        a.put(Max(4))
        await first.settled()
        await second.settled()
        #expect(c.value == Max(41), "what was there before counts, too")
    }

    @Test func `the last recomputation has seen the last change, and one runs at a time`() async {
        let cell = Cell<Max<Int>>()
        let state = Mutex((running: 0, most: 0, seen: 0, runs: 0))
        let propagator = Propagator(cell) {
            let value = cell.value?.value ?? 0
            state.withLock { state in
                state.running += 1
                state.most = max(state.most, state.running)
                state.runs += 1
            }
            await Task.yield()
            state.withLock { state in
                state.seen = value
                state.running -= 1
            }
        }
        await withTaskGroup(of: Void.self) { group in
            for value in 1...500 { group.addTask { cell.put(Max(value)) } }
        }
        await propagator.settled()
        let end = state.withLock { $0 }
        #expect(end.seen == 500)
        #expect(end.most == 1)
        #expect(end.runs <= 500)
    }

    @Test func `a released propagator is gone`() async {
        let cell = Cell<Max<Int>>()
        let runs = Mutex(0)
        var propagator: Propagator? = Propagator(cell) { runs.withLock { $0 += 1 } }
        cell.put(Max(1))
        await propagator?.settled()
        propagator = nil
        cell.put(Max(2))
        await Task.yield()
        #expect(runs.withLock { $0 } == 1)
    }

    @Test func `a cell is a resource`() async {
        let largest = CellResource(Cell<Max<Int>>())
        #expect(await largest.get(Headers()).condition == .notFound)
        #expect(await largest.put(Headers(), .json(3)).body.json == 3)
        #expect(await largest.put(Headers(), .json(2)).body.json == 3)
        #expect(await largest.put(Headers(), .json("2")).condition == .invalid)
        #expect(await largest.put(Headers(), .bytes([1])).condition == .invalid)
        #expect(await CellResource(Cell(Min(4))).put(Headers(), .json(2)).body.json == 2)
        let names = CellResource(Cell(Union(["b"])))
        #expect(await names.put(Headers(), .json(["a", "b"])).body.json?.text == #"["a","b"]"#)
        #expect(await names.put(Headers(), .json(["a", 1])).condition == .invalid)
        let last = CellResource(Cell<LastWriter<String>>())
        _ = await last.put(Headers(), .json(.members(["value": "new", "time": 2])))
        let reply = await last.put(Headers(), .json(.members(["value": "old", "time": 1, "writer": "z"])))
        #expect(reply.body.json?.text == #"{"time":2,"value":"new","writer":""}"#)
    }
}
