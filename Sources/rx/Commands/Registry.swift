import RxClient
import RxModel

extension Command {
    /// `rx registry`
    static let registry = Command(
        name: "registry", summary: "Manage the registries that are asked", arguments: "COMMAND", count: 0...0, examples: [],
        subcommands: [
            Command(
                name: "registry add", summary: "Add a registry; the first one is the default", arguments: "NAME URL", count: 2...2,
                options: [.json],
                examples: [.init("rx registry add team https://registry.example.com", "call a registry team")]
            ) { invocation in
                let (name, url) = (invocation.positional[0], invocation.positional[1])
                let configuration = try ClientConfiguration.update(home: Home.path) { try $0.add(name, url: url) }
                let isDefault = configuration.defaultRegistry?.name == name
                try Output(invocation).print(
                    .members(["name": .string(name), "url": .string(url), "default": .bool(isDefault)]),
                    "Added registry: \(name) -> \(url)\(isDefault ? " (default)" : "")")
            },
            Command(
                name: "registry list", summary: "Show the registries, in the order they are asked", arguments: "", count: 0...0,
                options: [.json],
                examples: [.init("rx registry list", "names, addresses and the default")]
            ) { invocation in
                let configuration = try ClientConfiguration(home: Home.path)
                let standard = configuration.defaultRegistry?.name
                var table = Table()
                for each in configuration.registries { table.add(each.name, each.url + (each.name == standard ? " (default)" : "")) }
                try Output(invocation).print(
                    .members([
                        "registries": .array(
                            configuration.registries.map {
                                ["name": .string($0.name), "url": .string($0.url), "default": .bool($0.name == standard)]
                            }.map { .object($0) })
                    ]), configuration.registries.isEmpty ? "No registries configured. Use: rx registry add <name> <url>" : table.text)
            },
            Command(
                name: "registry default", summary: "Show or choose the default registry", arguments: "[NAME]", count: 0...1,
                options: [.json],
                examples: [.init("rx registry default team", "push to and pull from team by default")]
            ) { invocation in
                guard let name = invocation.positional.first else {
                    guard let standard = try ClientConfiguration(home: Home.path).defaultRegistry else { throw Client.noRegistry }
                    return try Output(invocation).print(
                        .members(["default": .string(standard.name), "url": .string(standard.url)]), "\(standard.name) -> \(standard.url)")
                }
                try ClientConfiguration.update(home: Home.path) { try $0.setDefault(name) }
                try Output(invocation).print(.members(["default": .string(name)]), "Default registry set to: \(name)")
            },
            Command(
                name: "registry remove", aliases: ["rm"], summary: "Forget a registry", arguments: "NAME", count: 1...1, options: [.json],
                examples: [.init("rx registry remove team", "forget team; copies stay in the local store")]
            ) { invocation in
                let name = invocation.positional[0]
                try ClientConfiguration.update(home: Home.path) { try $0.remove(name) }
                try Output(invocation).print(.members(["removed": .string(name)]), "Removed registry: \(name)")
            },
        ])
}
