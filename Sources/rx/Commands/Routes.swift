import RxModel
import RxRun

extension Command {
    /// `rx routes`
    static let routes = Command(
        name: "routes", summary: "Show the modules that programs got, from where, and how often they were used", arguments: "",
        count: 0...0,
        details: "Asks the running rx loader; without one it shows what the last runs had.",
        options: [.socket, .json], examples: [.init("rx routes", "what is bound")]
    ) { invocation in
        let home = try Home.path
        let running = try LoaderLink(socket: invocation.value(.socket) ?? LoaderLink.socket(home: home)).routes()
        let routes = running ?? RouteRecord(home: home).routes
        var table = Table()
        for route in routes { table.add(route.module.description, route.locator.description, Output.count(route.uses, "use")) }
        let list = routes.isEmpty ? "Nothing is bound" : "Found \(Output.count(routes.count, "module")):\n" + table.text
        try Output(invocation).print(
            .object(["routes": .array(routes.map(\.json)), "loader": .bool(running != nil)]), list)
    }
}
