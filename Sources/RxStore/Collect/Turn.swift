import Glibc
import RxPosix

/// One short write transaction of long work that others must not notice. Source: Specs/05-store, STO-101.
struct Turn {
    /// How long one takes, but for the piece of work that it is at then, in nanoseconds.
    static let longest = 5_000_000
    /// How long the catalog is left to others after each, in microseconds: who waits asks for it once a millisecond.
    static let pause: UInt32 = 2000

    /// The catalog, inside the transaction.
    let database: Database
    /// The time of the transaction, in seconds since 1970.
    let now: Int
    private let end = Clock.monotonic + Turn.longest

    fileprivate init(_ database: Database, _ now: Int) {
        self.database = database
        self.now = now
    }

    /// Whether it is time to end.
    var isOver: Bool { Clock.monotonic >= end }
}

extension Catalog {
    /// Runs `body` in a write transaction that it ends when the turn is over, then leaves the catalog to others for a moment. What it wrote
    /// is not durable by itself.
    func turn<Value>(_ body: (Turn) throws -> Value) throws -> Value {
        defer { usleep(Turn.pause) }
        return try write(durably: false) { database, now in try body(Turn(database, now)) }
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
}
