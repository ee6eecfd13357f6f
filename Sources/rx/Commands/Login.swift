import RxClient
import RxHTTP
import RxModel
import RxPosix

extension Command {
    private static let user = Option("--username", short: "-u", "USER", "the user's name")
    private static let fromInput = Option("--password-stdin", nil, "read the password from standard input")

    /// `rx login`
    static let login = Command(
        name: "login", summary: "Keep a user name and password for a registry", arguments: "HOST", count: 1...1,
        details: """
            The password is read from the terminal, without showing it, or from standard input; never from an argument, which others on
            this machine could see. It is tried on the registry before it is kept, readable by you alone; one that lets everybody read
            may ask only those who write, and then it is kept untried. HOST is an address or a configured name.
            """,
        options: [user, fromInput, .json],
        examples: [
            .init("rx login registry.example.com", "asks for name and password"),
            .init("rx login registry.example.com -u ci --password-stdin < secret", "in a script"),
        ],
        takesSignals: true
    ) { invocation in
        let client = try Home.client(invocation)
        let host = invocation.positional[0]
        let registry = try client.registry(host)
        let name = try invocation.value(user) ?? Secret.name()
        guard !name.isEmpty else { throw UsageError(message: "the user's name is empty", hint: "rx login HOST -u USER") }
        guard !name.utf8.contains(UInt8(ascii: ":")) else { throw UsageError(message: "a user's name holds no colon: \(name)") }
        let password = invocation.has(fromInput) ? try Secret.fromInput() : try Secret.fromTerminal("Password for \(name) at \(registry): ")
        let isTried = try client.login(host, user: name, password: password)
        let note = isTried ? "" : "\n  Not tried yet: the registry lets everybody read"
        try Output(invocation).print(
            .members([
                "registry": .string(registry.description), "host": .string(registry.authority), "username": .string(name),
                "tried": .bool(isTried),
            ]), "Logged in: \(registry.authority) as \(name)\(note)")
    }

    /// `rx logout`
    static let logout = Command(
        name: "logout", summary: "Forget what login kept for a registry", arguments: "HOST", count: 1...1,
        options: [.json], examples: [.init("rx logout registry.example.com", "forget name and password")]
    ) { invocation in
        let registry = try Home.client(invocation).logout(invocation.positional[0])
        try Output(invocation).print(.members(["host": .string(registry.authority)]), "Logged out: \(registry.authority)")
    }
}
