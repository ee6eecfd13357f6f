import RxClient
import RxModel

extension Command {
    /// `rx config`
    static let config = Command(
        name: "config", summary: "Show or change the configuration", arguments: "COMMAND", count: 0...0, examples: [],
        subcommands: [
            Command(
                name: "config list", summary: "Show every setting", arguments: "", count: 0...0, options: [.json],
                examples: [.init("rx config list", "what is configured, and where")]
            ) { invocation in
                let home = try Home.path
                let configuration = try ClientConfiguration(home: home)
                var table = Table()
                var json: [String: JSON] = ["home": .string(home), "file": .string(ClientConfiguration.path(home))]
                table.add("home", home)
                for key in ClientConfiguration.keys {
                    let value = try configuration.value(of: key)
                    json[key] = value.map { .string($0) } ?? .null
                    table.add(key, value ?? "(not set)")
                }
                if let registry = Environment.registry { table.add("RX_REGISTRY", registry.isEmpty ? "(empty: no registry)" : registry) }
                try Output(invocation).print(.object(json), table.text)
            },
            Command(
                name: "config get", summary: "Show one setting", arguments: "KEY", count: 1...1, options: [.json],
                examples: [.init("rx config get registry", "the default registry's address")]
            ) { invocation in
                let key = invocation.positional[0]
                let value = try ClientConfiguration(home: Home.path).value(of: key)
                try Output(invocation).print(.members([key: value.map { .string($0) } ?? .null]), value ?? "")
            },
            Command(
                name: "config set", summary: "Change one setting", arguments: "KEY VALUE", count: 2...2, options: [.json],
                examples: [
                    .init("rx config set registry http://localhost:3000", "use this registry by default"),
                    .init("rx config set transfers 2", "move at most 2 blobs at once (default 8)"),
                    .init("rx config set cache-size 10GiB", "let a pull remove the copies that were not used for longest"),
                ]
            ) { invocation in
                let (key, value) = (invocation.positional[0], invocation.positional[1])
                try ClientConfiguration.update(home: Home.path) { try $0.set(key, to: value) }
                try Output(invocation).print(.members([key: .string(value)]), "Set \(key) = \(value)")
            },
        ])
}
