import RxModel

/// One parsed command line.
struct Invocation: Sendable {
    let command: Command
    /// The words that are not options, in order.
    let positional: [String]
    private let values: [String: [String]]
    private let flags: Set<String>

    /// Reads the words that follow the command's name. Throws `UsageError`.
    init(_ command: Command, _ words: [String]) throws(UsageError) {
        self.command = command
        var positional: [String] = []
        var values: [String: [String]] = [:]
        var flags: Set<String> = []
        var rest = words[...]
        while let word = rest.popFirst() {
            if word == "--" {
                positional += rest
                break
            }
            guard word.hasPrefix("-"), word != "-" else {
                positional.append(word)
                continue
            }
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard let option = command.options.first(where: { $0.name == parts[0] || $0.short == parts[0] }) else {
                throw UsageError(
                    message: "unknown option \(parts[0]) for rx \(command.name)", hint: Invocation.suggestion(parts[0], command))
            }
            guard let kind = option.value else {
                guard parts.count == 1 else { throw UsageError(message: "\(option.name) takes no value") }
                flags.insert(option.name)
                continue
            }
            guard let value = parts.count == 2 ? parts[1] : rest.popFirst() else {
                throw UsageError(message: "\(option.name) needs a value: \(option.name) \(kind)")
            }
            values[option.name] = (option.repeats ? values[option.name] ?? [] : []) + [value]
        }
        guard command.count.contains(positional.count) else {
            let problem = positional.count < command.count.lowerBound ? "needs more arguments" : "takes fewer arguments"
            throw UsageError(message: "rx \(command.name) \(problem)", hint: "usage: rx \(command.name) \(command.arguments)")
        }
        self.positional = positional
        self.values = values
        self.flags = flags
    }

    /// Whether a flag is there.
    func has(_ option: Option) -> Bool { flags.contains(option.name) }

    /// The value of an option, when it is there.
    func value(_ option: Option) -> String? { values[option.name]?.last }

    /// Every value of an option that may be repeated, in order.
    func all(_ option: Option) -> [String] { values[option.name] ?? [] }

    /// The value of an option that is a whole number within bounds.
    func number(_ option: Option, in bounds: ClosedRange<Int>, default standard: Int) throws(UsageError) -> Int {
        guard let text = value(option) else { return standard }
        guard let number = Int(text), bounds.contains(number) else {
            throw UsageError(message: "\(option.name) needs a number from \(bounds.lowerBound) to \(bounds.upperBound), not \"\(text)\"")
        }
        return number
    }

    /// The value of an option that is a number of bytes, when it is there.
    func bytes(_ option: Option) throws(UsageError) -> Int? {
        guard let text = value(option) else { return nil }
        guard let bytes = ByteCount.bytes(text) else {
            throw UsageError(message: "\"\(text)\" is not a size", hint: "write it like 500MB, 10GiB or 0")
        }
        return bytes
    }

    private static func suggestion(_ word: String, _ command: Command) -> String {
        let names = command.options.map(\.name) + ["--help"]
        if let near = Nearest.word(to: word, among: names) { return "did you mean \(near)?" }
        return "see rx \(command.name) --help"
    }
}
