/// The help texts, made from the commands themselves.
enum Help {
    /// What `rx --help` prints.
    static func overview(_ all: [Command]) -> String {
        let commands = all.filter { !$0.isHidden }
        let width = commands.map(\.name.utf8.count).max() ?? 0
        let lines = commands.map { "  \(padded($0.name, width))  \($0.summary)" }
        return """
            rx \(Version.text): package manager and private registry for prompts, skills, tools, code and data

            Usage: rx COMMAND [ARGUMENTS] [OPTIONS]

            Commands:
            \(lines.joined(separator: "\n"))

            Environment:
              RX_HOME      where resources and configuration are kept (default ~/.rx)
              RX_REGISTRY  the registry's address; empty for none, whatever is configured

            rx COMMAND --help explains one command. A locator is [registry/][path/]name[:tag][@sha256:digest].

            """
    }

    /// What `rx COMMAND --help` prints.
    static func page(_ command: Command) -> String {
        var text = "\(command.summary)\n\nUsage: rx \(command.name)\(command.arguments.isEmpty ? "" : " \(command.arguments)")\n"
        if !command.aliases.isEmpty { text += "Also: \(command.aliases.map { "rx \($0)" }.joined(separator: ", "))\n" }
        if !command.details.isEmpty { text += "\n\(command.details)\n" }
        if !command.subcommands.isEmpty {
            text += "\nCommands:\n" + table(command.subcommands.map { ("\($0.name) \($0.arguments)", $0.summary) })
        }
        let options = command.options + [Option("--help", nil, "show this help")]
        text +=
            "\nOptions:\n"
            + table(options.map { ([$0.short.map { "\($0)," }, $0.name, $0.value].compactMap { $0 }.joined(separator: " "), $0.help) })
        if !command.examples.isEmpty { text += "\nExamples:\n" + table(command.examples.map { ($0.line, "# \($0.purpose)") }) }
        return text
    }

    private static func table(_ rows: [(String, String)]) -> String {
        let width = rows.map(\.0.utf8.count).max() ?? 0
        return rows.map { "  \(padded($0.0, width))  \($0.1)\n" }.joined()
    }

    static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
