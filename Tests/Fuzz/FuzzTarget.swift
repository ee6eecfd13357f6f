/// One parser of bytes that strangers send, and what must hold of whatever it accepts.
///
/// The fuzzer (`make fuzz`) looks for inputs that break it; the inputs that are kept in `corpus` and `regressions` are tests, too.
struct FuzzTarget: Sendable {
    /// Its name: of the folders with its inputs, and of `make fuzz TARGET=`.
    let name: String
    /// The most bytes of an input; longer ones are cut.
    let longest: Int
    /// Gives the parser one input. Throws `Broken` when something that must hold does not; a refusal is none.
    let check: @Sendable (_ input: [UInt8]) throws -> Void

    /// Describes a parser.
    init(_ name: String, longest: Int, _ check: @escaping @Sendable (_ input: [UInt8]) throws -> Void) {
        self.name = name
        self.longest = longest
        self.check = check
    }

    /// The same for a parser of text.
    static func text(_ name: String, longest: Int, _ check: @escaping @Sendable (_ text: String) throws -> Void) -> FuzzTarget {
        FuzzTarget(name, longest: longest) { try check(String(decoding: $0, as: UTF8.self)) }
    }

    /// Every parser, in the order of the table that `make fuzz` prints.
    static let all = names + documents + messages + fields + streams + binary + files

    /// The parser of this name.
    static func named(_ name: String) -> FuzzTarget? { all.first { $0.name == name } }
}

/// Something that must hold of a parser does not.
struct Broken: Error, CustomStringConvertible {
    let description: String
}

/// Throws `Broken` with what should have held.
func must(_ holds: Bool, _ what: @autoclosure () -> String) throws {
    if !holds { throw Broken(description: what()) }
}

/// What `body` gives; throws `Broken`, with its error, where it throws.
func accepted<Value>(_ what: String, _ body: () throws -> Value) throws -> Value {
    do { return try body() } catch let error as Broken { throw error } catch {
        throw Broken(description: "\(what) is refused: \(error)")
    }
}

/// Takes what a check needs besides the parsed text off the front of an input; of an input that is too short it makes zeros.
struct Input {
    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

    mutating func number(below limit: Int) -> Int {
        let value = (0..<4).reduce(0) { sum, _ in sum << 8 | Int(byte()) }
        return limit > 0 ? value % limit : 0
    }

    mutating func take(_ count: Int) -> [UInt8] {
        let taken = Array(rest.prefix(count))
        rest = rest.dropFirst(count)
        return taken
    }

    /// The text up to a line feed, which is left out.
    mutating func line() -> String {
        let line = rest.prefix { $0 != 0x0A }
        rest = rest.dropFirst(line.count + 1)
        return String(decoding: line, as: UTF8.self)
    }

    var all: [UInt8] { Array(rest) }
}
