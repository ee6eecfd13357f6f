import Glibc
import RxModel
import RxPosix

/// Finds the command, runs it, and turns every failure into words and an exit status: 1 for a failure, 2 for wrong usage, 141 without
/// words when nobody reads standard output any more.
enum Program {
    /// Every command, in the order the help shows them.
    static let commands: [Command] = [
        .add, .list, .info, .ingest, .cat, .search, .remove, .push, .pull, .tag, .copy, .referrers, .export, .import, .link, .unlink, .pin,
        .unpin, .gc, .verify, .cache, .du, .config, .registry, .login, .logout, .serve, .runProgram, .freeze, .loader, .routes, .torture,
    ]

    /// Runs the words of a command line; nil stands for one that is not UTF-8.
    static func run(_ arguments: [String?]) -> Int32 {
        let words = arguments.compactMap { $0 }
        do {
            if let index = arguments.firstIndex(of: nil) { throw UsageError(message: "argument \(index + 1) is not UTF-8 text") }
            try dispatch(words)
            return 0
        } catch let error as PosixError where error.errno == EPIPE && error.path == FileDescriptor.standardOutput.path {
            // As the shell shows a program that SIGPIPE ended: `rx list | head -1` is no failure worth words.
            return 128 + SIGPIPE
        } catch is DamageLeft {
            return 1
        } catch let end as ExitStatus {
            return end.status
        } catch let error as UsageError {
            report(error.message, hint: error.hint ?? "rx --help lists the commands", code: "USAGE", words)
            return 2
        } catch let error as any ResourceError {
            report(error.message, hint: error.hint, code: error.code.wire, words)
            return 1
        } catch {
            report("\(error)", hint: nil, code: ErrorCode.internalError.wire, words)
            return 1
        }
    }

    private static func dispatch(_ words: [String]) throws {
        guard let first = words.first else {
            try Host.writeOutput(Help.overview(commands))
            return
        }
        switch first {
        case "--version", "-V", "version": try Host.writeOutput("rx \(Version.text)\n")
        case "--help", "-h": try Host.writeOutput(Help.overview(commands))
        case "help": try help(Array(words.dropFirst()))
        default: try start(try find(first, among: commands, prefix: "rx"), Array(words.dropFirst()))
        }
    }

    private static func start(_ command: Command, _ words: [String]) throws {
        let options = words.prefix { $0 != "--" }
        if !command.subcommands.isEmpty, let word = words.first, !word.hasPrefix("-") {
            return try start(try find(word, among: command.subcommands, prefix: "rx \(command.name)"), Array(words.dropFirst()))
        }
        if options.contains("--help") || options.contains("-h") {
            try Host.writeOutput(Help.page(command))
            return
        }
        guard command.subcommands.isEmpty else {
            throw UsageError(
                message: "rx \(command.name) needs one of: \(command.subcommands.map(\.word).joined(separator: ", "))",
                hint: "see rx \(command.name) --help")
        }
        do {
            let invocation = try Invocation(command, words)
            if !command.takesSignals { watchSignals(invocation) }
            try command.run(invocation)
        } catch let error as UsageError where error.hint == nil {
            throw UsageError(message: error.message, hint: "see rx \(command.name) --help")
        }
    }

    private static func watchSignals(_ invocation: Invocation) {
        let isJSON = invocation.has(.json)
        let clearsLine = Host.isTerminal(2)
        Interruption.watch { number in
            if clearsLine { Host.writeError("\r\u{1B}[K") }
            let signal = number == SIGINT ? "interrupted" : "told to end"
            say(signal, hint: "run the same command again: it goes on with what came whole", code: "INTERRUPTED", isJSON: isJSON)
        }
    }

    private static func help(_ words: [String]) throws {
        guard let first = words.first else {
            try Host.writeOutput(Help.overview(commands))
            return
        }
        var command = try find(first, among: commands, prefix: "rx")
        if words.count > 1 { command = try find(words[1], among: command.subcommands, prefix: "rx \(command.name)") }
        try Host.writeOutput(Help.page(command))
    }

    private static func find(_ word: String, among commands: [Command], prefix: String) throws(UsageError) -> Command {
        if let command = commands.first(where: { $0.word == word || $0.aliases.contains(word) }) { return command }
        let near = Nearest.word(to: word, among: commands.flatMap { [$0.word] + $0.aliases })
        throw UsageError(message: "unknown command: \(prefix) \(word)", hint: near.map { "did you mean \(prefix) \($0)?" })
    }

    private static func report(_ message: String, hint: String?, code: String, _ words: [String]) {
        Interruption.settle()
        say(message, hint: hint, code: code, isJSON: words.prefix { $0 != "--" }.contains("--json"))
    }

    private static func say(_ message: String, hint: String?, code: String, isJSON: Bool) {
        if isJSON {
            Host.writeError(JSON.members(["error": .string(message), "code": .string(code), "hint": hint.map { .string($0) }]).text + "\n")
            return
        }
        Host.writeError("error: \(Output.visible(message))\n")
        if let hint { Host.writeError("hint: \(Output.visible(hint))\n") }
    }
}

extension Command {
    /// The last word of the name: `add` of `registry add`.
    var word: String { String(name.split(separator: " ").last ?? "") }
}
