/// One command of the command line: its words, its options, and what it does.
struct Command: Sendable {
    /// The word that is typed.
    let name: String
    /// Other words for it.
    var aliases: [String] = []
    /// One line for the list of commands.
    let summary: String
    /// What follows the name, such as `LOCATOR [ARGUMENT]`.
    let arguments: String
    /// The least and most positional arguments.
    let count: ClosedRange<Int>
    /// What the command does beyond the summary; empty for nothing more to say.
    var details = ""
    /// The options it takes, besides `--help`.
    var options: [Option] = []
    /// Command lines with what each is for.
    let examples: [Example]
    /// Commands below this one, such as `registry add`.
    var subcommands: [Command] = []
    /// Whether the overview leaves it out: it is for those who work on rx.
    var isHidden = false
    /// Whether it sees to the signals that end a program itself.
    var takesSignals = false
    /// Does the work.
    var run: @Sendable (Invocation) throws -> Void = { _ in }

    /// A line to type and what it does.
    struct Example: Sendable {
        let line: String
        let purpose: String

        init(_ line: String, _ purpose: String) {
            self.line = line
            self.purpose = purpose
        }
    }
}

/// An option of a command.
struct Option: Sendable {
    /// With its dashes: `--json`.
    let name: String
    /// One letter with its dash, `-u`; nil for none.
    var short: String?
    /// What its value is, `URL`; nil for a flag.
    var value: String?
    /// What it does.
    let help: String

    init(_ name: String, short: String? = nil, _ value: String? = nil, _ help: String) {
        self.name = name
        self.short = short
        self.value = value
        self.help = help
    }

    static let json = Option("--json", nil, "print JSON for programs")
    static let registry = Option("--registry", "NAME|URL", "use this registry, by its configured name or its address")
    static let limit = Option("--limit", "N", "show at most N results (default 100)")
    static let offset = Option("--offset", "N", "skip the first N results")
    static let link = Option("--link", nil, "make read-only hard links to the store's files, where that can be")
    static let force = Option("--force", nil, "write over files that you changed")
    static let data = Option("--data", "DIR", "use the store in this folder, such as a server's (default: the home, ~/.rx)")
    static let quiet = Option("--quiet", nil, "show no progress")
}

/// A command line that cannot be understood; the program ends with status 2.
struct UsageError: Error {
    let message: String
    var hint: String?
}
