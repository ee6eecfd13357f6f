import RxModel
import RxStore
import RxTesting
import Testing

@testable import rx

@Suite struct `The command line` {
    func parse(_ words: String..., options: [rx.Option], count: ClosedRange<Int> = 0...9) throws -> Invocation {
        let command = Command(name: "try", summary: "", arguments: "", count: count, options: options, examples: [])
        return try Invocation(command, words)
    }

    @Test func `takes options before, between and after arguments, with a space or an equals sign`() throws {
        let options = [rx.Option.json, .limit, .registry]
        let one = try parse("a", "--limit", "5", "b", "--json", "--registry=x=y", options: options)
        #expect(one.positional == ["a", "b"])
        #expect(try one.number(.limit, in: 0...9, default: 1) == 5)
        #expect(one.has(.json) && one.value(.registry) == "x=y")
        #expect(try parse("--", "--json", "-x", options: options).positional == ["--json", "-x"], "behind -- everything is an argument")
        #expect(try parse("-", options: options).positional == ["-"])
    }

    @Test func `has all values of an option that may be repeated, and the last of another`() throws {
        let words = try parse("--allow", "a", "--limit", "1", "--allow=b", "--limit", "2", "--allow", "a", options: [.allow, .limit])
        #expect(words.all(.allow) == ["a", "b", "a"])
        #expect(words.value(.limit) == "2" && words.all(.limit) == ["2"])
        #expect(try parse(options: [.allow]).all(.allow) == [])
    }

    @Test(arguments: [
        (["--jsno"], "unknown option --jsno for rx try", "did you mean --json?"),
        (["--zzzzzzzz"], "unknown option --zzzzzzzz for rx try", "see rx try --help"),
        (["--limit"], "--limit needs a value: --limit N", nil), (["--json=1"], "--json takes no value", nil),
        (["a", "b", "c"], "rx try takes fewer arguments", "usage: rx try "),
    ]) func `explains what cannot be understood`(_ words: [String], _ message: String, _ hint: String?) throws {
        let command = Command(name: "try", summary: "", arguments: "", count: 0...2, options: [.json, .limit], examples: [])
        let error = #expect(throws: UsageError.self) { try Invocation(command, words) }
        #expect(error?.message == message)
        #expect(error?.hint == hint)
    }

    @Test func `refuses numbers that are none or out of bounds`() throws {
        for text in ["x", "-1", "10", "1.5", "", "99999999999999999999"] {
            let invocation = try parse("--limit", text, options: [.limit])
            #expect(throws: UsageError.self, "\(text)") { try invocation.number(.limit, in: 0...9, default: 1) }
        }
    }

    @Test(arguments: [("serch", "search"), ("psuh", "push"), ("ad", "add"), ("xyzzy", nil), ("", nil), ("ingst", "ingest")])
    func `finds the word that was meant`(_ typed: String, _ meant: String?) {
        #expect(Nearest.word(to: typed, among: Program.commands.map(\.name)) == meant)
    }

    @Test func `takes a value that is malformed, or missing, for wrong usage`() throws {
        let folder = try TemporaryFolder()
        _ = try DiskStore(at: folder.path)
        func run(_ command: Command, _ words: String...) throws { try command.run(Invocation(command, words + ["--data", folder.path])) }
        for text in ["nonsense", "sha256:1", ""] {
            #expect(throws: UsageError.self, "\(text)") { try run(.gc, "--explain", text) }
        }
        #expect(throws: UsageError.self) { try run(.cachePrune) }
        #expect(throws: UsageError.self) { try run(.cachePrune, "--max-size", "much") }
        let error = #expect(throws: RegistryError.self) { try run(.gc, "--explain", "sha256:" + String(repeating: "0", count: 64)) }
        #expect(error?.code == .notFound, "it is well-formed, and nothing here has it")
    }

    @Test func `reads durations`() throws {
        for (text, seconds) in [("0", 0), ("30s", 30), ("10m", 600), ("1h", 3600), ("2d", 172_800), ("1w", 604_800)] {
            #expect(try Duration(parsing: text).seconds == seconds)
        }
        for text in ["", "5", "h", "-1h", "1.5h", "1y", "99999999999999999999h", "9223372036854775807d"] {
            #expect(throws: UsageError.self, "\(text)") { try Duration(parsing: text) }
        }
    }

    @Test func `shows lengths for people`() {
        #expect(
            [0, 1023, 1024, 1536, 5 << 20, 3 << 30].map(Output.bytes) == ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "5.0 MiB", "3.0 GiB"])
    }

    @Test func `has help with usage, options and an example for every command`() {
        func check(_ command: Command) {
            let page = Help.page(command)
            #expect(page.hasPrefix("\(command.summary)\n\nUsage: rx \(command.name)"))
            #expect(page.contains("--help"))
            if command.subcommands.isEmpty { #expect(page.contains("Examples:\n  rx \(command.name)"), "\(command.name)") }
            for option in command.options { #expect(page.contains(option.name) && page.contains(option.help)) }
            for line in page.split(separator: "\n") { #expect(line.count <= 150, "\(command.name): \(line)") }
            command.subcommands.forEach(check)
        }
        Program.commands.forEach(check)
        let words = Program.commands.flatMap { [$0.word] + $0.aliases }
        #expect(Set(words).count == words.count, "no word means two commands")
        for command in Program.commands {
            #expect(Help.overview(Program.commands).contains("  \(command.name) ") == !command.isHidden, "\(command.name)")
        }
        #expect(Program.commands.filter(\.isHidden).map(\.name) == ["torture"])
    }

    @Test func `shows control characters as escapes`() {
        #expect(Output.visible("plain é 東 🎈") == "plain é 東 🎈")
        #expect(Output.visible("a\u{1B}[31m\u{0}\u{7F}\u{9B}\n\r\t\r\n") == #"a\u001b[31m\u0000\u007f\u009b\n\r\t\r\n"#)
        #expect(Output.visible("a\n\tb\u{8}", keeping: "\n\t") == "a\n\tb\\u0008")
        var table = Table()
        table.add("one\n  forged", "two")
        #expect(table.text == #"  one\n  forged  two"#, "a cell is one line")
    }

    @Test func `previews text, also when the limit cuts a character in two`() throws {
        for front in 0..<4 {
            let content = Array((String(repeating: "a", count: front) + String(repeating: "🎈", count: 1024) + "\nmore").utf8)
            let preview = try #require(Preview.beginning(content), "\(front)")
            #expect(preview.unicodeScalars.last == "🎈")
        }
        #expect(Preview.beginning([0x61, 0xF0, 0x9F]) == nil, "half a character at the end of a file is no text")
        #expect(Preview.beginning([UInt8](repeating: 0xFF, count: 5000)) == nil)
        #expect(Preview.beginning([0x61, 0]) == nil)
        #expect(Preview.beginning(Array("one\r\ntwo\t\u{1B}[2J\n".utf8)) == "  one\n  two\t\\u001b[2J\n  ")
        #expect(Preview.beginning(Array(String(repeating: "x\n", count: 20).utf8)) == (0..<8).map { _ in "  x" }.joined(separator: "\n"))
    }
}
