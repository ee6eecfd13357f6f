/// A wildcard pattern for one path segment, compared as bytes: `*`, `?`, `[...]` and `\` as in gitignore(5).
package struct Glob: Sendable, Equatable {
    private enum Token: Sendable, Equatable {
        case byte(UInt8)
        case one
        case many
        case set(ByteSet)
    }

    private let tokens: [Token]
    /// Whether it is `**`, alone in its segment.
    package let spansSegments: Bool

    /// Reads a pattern; nil when it can match nothing: an open `[` or a `\` at the end.
    package init?(_ pattern: some Sequence<UInt8>) {
        let pattern = Array(pattern)
        var tokens: [Token] = []
        var at = 0
        while at < pattern.count {
            let byte = pattern[at]
            at += 1
            switch byte {
            case UInt8(ascii: "*"): if tokens.last != .many { tokens.append(.many) }
            case UInt8(ascii: "?"): tokens.append(.one)
            case UInt8(ascii: "["):
                guard let set = ByteSet(bracket: pattern, at: &at) else { return nil }
                tokens.append(.set(set))
            case UInt8(ascii: "\\"):
                guard at < pattern.count else { return nil }
                tokens.append(.byte(pattern[at]))
                at += 1
            default: tokens.append(.byte(byte))
            }
        }
        self.tokens = tokens
        spansSegments = pattern.count >= 2 && pattern.allSatisfy { $0 == UInt8(ascii: "*") }
    }

    /// Whether the whole of a name matches. Going back to the last `*` alone is enough, so the time is bounded by the product of
    /// both lengths whatever the pattern.
    package func matches(_ name: ArraySlice<UInt8>) -> Bool {
        var token = 0
        var at = name.startIndex
        var star: (token: Int, at: Int)?
        while at < name.endIndex {
            if token < tokens.count, tokens[token] == .many {
                token += 1
                star = (token, at)
            } else if token < tokens.count, takes(tokens[token], name[at]) {
                token += 1
                at += 1
            } else if let last = star {
                star = (last.token, last.at + 1)
                (token, at) = (last.token, last.at + 1)
            } else {
                return false
            }
        }
        while token < tokens.count, tokens[token] == .many { token += 1 }
        return token == tokens.count
    }

    private func takes(_ token: Token, _ byte: UInt8) -> Bool {
        switch token {
        case .byte(let expected): byte == expected
        case .one: true
        case .set(let set): set.contains(byte)
        case .many: false
        }
    }
}

/// A wildcard pattern for a path: a glob a segment, of which `**` stands for any number of segments.
package struct PathGlob: Sendable, Equatable {
    private let globs: [Glob]

    /// Reads a pattern; nil when it can match nothing, or has an empty segment.
    package init?(_ pattern: some Collection<UInt8>) {
        var globs: [Glob] = []
        for segment in pattern.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            guard !segment.isEmpty, let glob = Glob(segment) else { return nil }
            globs.append(glob)
        }
        self.globs = globs
    }

    /// Whether the first segment alone, taken as a pattern for a name, matches.
    package func matches(name: ArraySlice<UInt8>) -> Bool { globs[0].matches(name) }

    /// Whether the whole of a path matches, given as its segments. `**` at the end stands for one segment or more, elsewhere for any
    /// number of them.
    package func matches(_ segments: [ArraySlice<UInt8>]) -> Bool {
        var glob = 0
        var at = 0
        var star: (glob: Int, at: Int)?
        while at < segments.count {
            if glob < globs.count, globs[glob].spansSegments {
                glob += 1
                if glob == globs.count { return true }
                star = (glob, at)
            } else if glob < globs.count, globs[glob].matches(segments[at]) {
                glob += 1
                at += 1
            } else if let last = star {
                star = (last.glob, last.at + 1)
                (glob, at) = (last.glob, last.at + 1)
            } else {
                return false
            }
        }
        return glob == globs.count
    }
}

/// The bytes that a `[...]` of a pattern matches.
struct ByteSet: Sendable, Equatable {
    private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    private var inverted = false

    /// Reads from behind the `[` to behind the `]`; nil when there is none.
    init?(bracket pattern: [UInt8], at: inout Int) {
        func peek(_ offset: Int = 0) -> UInt8? { at + offset < pattern.count ? pattern[at + offset] : nil }
        if peek() == UInt8(ascii: "!") || peek() == UInt8(ascii: "^") {
            inverted = true
            at += 1
        }
        var first = true
        var low: UInt8?
        while true {
            guard let byte = peek() else { return nil }
            if byte == UInt8(ascii: "]"), !first { break }
            first = false
            if let start = low, byte == UInt8(ascii: "-"), let next = peek(1), next != UInt8(ascii: "]") {
                at += 1
                guard let end = ByteSet.literal(pattern, at: &at) else { return nil }
                if start <= end { for byte in start...end { insert(byte) } }
                low = nil
                continue
            }
            if byte == UInt8(ascii: "["), peek(1) == UInt8(ascii: ":"), let name = ByteSet.className(pattern, at: &at) {
                guard let members = ByteSet.classes[name] else { return nil }
                for byte in UInt8.min...UInt8.max where members(byte) { insert(byte) }
                low = nil
                continue
            }
            guard let literal = ByteSet.literal(pattern, at: &at) else { return nil }
            insert(literal)
            low = literal
        }
        at += 1
    }

    func contains(_ byte: UInt8) -> Bool {
        let bit = UInt64(1) << UInt64(byte & 63)
        let word =
            switch byte >> 6 {
            case 0: words.0
            case 1: words.1
            case 2: words.2
            default: words.3
            }
        return (word & bit != 0) != inverted
    }

    static func == (a: ByteSet, b: ByteSet) -> Bool { a.words == b.words && a.inverted == b.inverted }

    private mutating func insert(_ byte: UInt8) {
        let bit = UInt64(1) << UInt64(byte & 63)
        switch byte >> 6 {
        case 0: words.0 |= bit
        case 1: words.1 |= bit
        case 2: words.2 |= bit
        default: words.3 |= bit
        }
    }

    /// One byte of a bracket, with its `\` taken off.
    private static func literal(_ pattern: [UInt8], at: inout Int) -> UInt8? {
        if pattern[at] == UInt8(ascii: "\\") { at += 1 }
        guard at < pattern.count else { return nil }
        defer { at += 1 }
        return pattern[at]
    }

    /// The name in `[:name:]`; moves behind it. Nil, not moved, when it has another shape.
    private static func className(_ pattern: [UInt8], at: inout Int) -> String? {
        guard let end = pattern[(at + 2)...].firstIndex(of: UInt8(ascii: "]")), end >= at + 3, pattern[end - 1] == UInt8(ascii: ":")
        else { return nil }
        defer { at = end + 1 }
        return String(decoding: pattern[(at + 2)..<(end - 1)], as: UTF8.self)
    }

    private static let classes: [String: @Sendable (UInt8) -> Bool] = [
        "alnum": { isLetter($0) || isDigit($0) }, "alpha": isLetter, "blank": { $0 == 0x20 || $0 == 0x09 },
        "cntrl": { $0 < 0x20 || $0 == 0x7F }, "digit": isDigit, "graph": { 0x21...0x7E ~= $0 },
        "lower": { UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 }, "print": { 0x20...0x7E ~= $0 },
        "punct": { 0x21...0x7E ~= $0 && !isLetter($0) && !isDigit($0) }, "space": { $0 == 0x20 || 0x09...0x0D ~= $0 },
        "upper": { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 },
        "xdigit": { isDigit($0) || UInt8(ascii: "a")...UInt8(ascii: "f") ~= $0 | 0x20 },
    ]

    @Sendable private static func isLetter(_ byte: UInt8) -> Bool { UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20 }
    @Sendable private static func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }
}
