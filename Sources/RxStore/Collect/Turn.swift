import Glibc
import RxPosix

/// One short write transaction of long work that others must not notice. Source: Specs/05-store, STO-101.
struct Turn {
    /// How long one takes, but for the piece of work that it is at then, in nanoseconds: while others write, and else.
    static let longest = (besideOthers: 1_000_000, alone: 5_000_000)

    /// The catalog, inside the transaction.
    let database: Database
    /// The time of the transaction, in seconds since 1970.
    let now: Int
    /// How long it takes, in nanoseconds.
    let time: Int
    private let end: Int

    fileprivate init(_ database: Database, _ now: Int, _ time: Int) {
        self.database = database
        self.now = now
        self.time = time
        end = Clock.monotonic + time
    }

    /// Whether it is time to end.
    var isOver: Bool { Clock.monotonic >= end }
}

extension Catalog {
    /// Runs `body` in a write transaction that it ends when the turn is over, then leaves the catalog to others for a moment. What it wrote
    /// is not durable by itself.
    func turn<Value>(_ body: (Turn) throws -> Value) throws -> Value {
        noteOthers()
        let longest = pace.isBesideOthers ? Turn.longest.besideOthers : Turn.longest.alone
        var began = Clock.monotonic
        defer {
            let time = Clock.monotonic - began
            noteOwn()
            if !moveLog() { pace.rest(after: time, atLeast: Pace.pause) }
        }
        return try write(durably: false) { database, now in
            // Waiting for others is no work.
            began = Clock.monotonic
            return try body(Turn(database, now, longest))
        }
    }

    /// Does `body` for each of `items`, in as many turns as it takes. `isStopped` is asked between them.
    func inTurns<Item>(_ items: [Item], unless isStopped: () -> Bool = { false }, _ body: (Turn, Item) throws -> Void) throws {
        var next = 0
        while next < items.count, !isStopped() {
            try turn { turn in
                repeat {
                    try body(turn, items[next])
                    next += 1
                } while next < items.count && !turn.isOver
            }
        }
    }

    /// Runs `body`, which writes nothing to the catalog, and pauses while others write.
    func paced<Value>(_ body: () throws -> Value) rethrows -> Value {
        let began = Clock.monotonic
        defer {
            noteOthers()
            pace.rest(after: Clock.monotonic - began)
        }
        return try body()
    }
}
