import RxLoader
package import RxModel
import RxPosix

/// A module that was bound: to what, from where, and how often something of it was used.
package struct Route: Sendable, Equatable {
    /// The module.
    package let module: ModuleName
    /// Where the resource was found: with the host that it came from, none for the home's own.
    package let locator: Locator
    /// The digest of its manifest.
    package let digest: Digest
    /// How often files of it were used.
    package let uses: Int
    /// When a registry, or the home's own store, last said that the module is this; seconds since 1970.
    package let checkedAt: Int
    /// The registries that were asked, in order.
    package let registries: String
    /// The resources that the run named itself, when another choice could have led elsewhere.
    package let choice: String?

    /// Describes a route.
    package init(
        module: ModuleName, locator: Locator, digest: Digest, uses: Int, checkedAt: Int, registries: String = "", choice: String? = nil
    ) {
        self.module = module
        self.locator = locator
        self.digest = digest
        self.uses = uses
        self.checkedAt = checkedAt
        self.registries = registries
        self.choice = choice
    }

    /// For programs.
    package var json: JSON {
        .members([
            "language": .string(module.language), "name": .string(module.name), "locator": .string(locator.description),
            "digest": .string(digest.description), "uses": .integer(uses), "checkedAt": .integer(checkedAt),
            "registries": .string(registries), "choice": choice.map { .string($0) },
        ])
    }

    /// Reads one; nil for what is none.
    package init?(_ json: JSON) {
        guard let language = json["language"]?.string, let name = json["name"]?.string,
            let module = try? ModuleName(language: language, name: name),
            let locator = json["locator"]?.string.flatMap({ try? Locator(parsing: $0) }),
            let digest = json["digest"]?.string.flatMap({ Digest($0) }), let uses = json["uses"]?.int,
            let checkedAt = json["checkedAt"]?.int, let registries = json["registries"]?.string
        else { return nil }
        self.init(
            module: module, locator: locator, digest: digest, uses: max(0, uses), checkedAt: checkedAt, registries: registries,
            choice: json["choice"]?.string)
    }
}

/// What the programs of a home had, from run to run: `HOME/cache/routes.json`. It is a hint, and may go at any time.
///
/// Source: Specs/17-run, "From run to run".
package struct RouteRecord: Sendable {
    /// The most routes that are kept.
    package static let limit = 10_000
    /// How long a module that no lock pins is taken for what it was, in seconds; then it is looked for again.
    package static let freshness = 300
    /// The longest file that is read.
    private static let sizeLimit = 16 << 20

    /// One a module, sorted by module.
    package let routes: [Route]

    /// Puts routes together: of one module the one that was checked last counts, with all uses of its content.
    package init(merging routes: [Route]) {
        var last: [ModuleName: Route] = [:]
        for route in routes {
            guard let other = last[route.module] else {
                last[route.module] = route
                continue
            }
            let newer = route.checkedAt >= other.checkedAt ? route : other
            let uses = route.digest == other.digest ? route.uses + other.uses : newer.uses
            last[route.module] = Route(
                module: newer.module, locator: newer.locator, digest: newer.digest, uses: uses, checkedAt: newer.checkedAt,
                registries: newer.registries, choice: newer.choice)
        }
        let kept = last.values.sorted { $0.checkedAt > $1.checkedAt }.prefix(RouteRecord.limit)
        self.routes = kept.sorted { $0.module.description < $1.module.description }
    }

    /// The record of a home; an empty one where there is none that can be read.
    package init(home: String) {
        let bytes = try? Files.read(RouteRecord.path(home), limit: RouteRecord.sizeLimit)
        let json = bytes.flatMap { try? JSON(parsing: $0) }
        self.init(merging: (json?["routes"]?.array ?? []).compactMap { Route($0) })
    }

    /// Adds what a program had that used `uses` without asking, and asks nobody for that.
    package static func add(_ binder: ModuleBinder, counting uses: RunUses, home: String) {
        add(uses.isEmpty ? binder.routes : binder.routes(counting: uses, after: RouteRecord(home: home)), home: home)
    }

    /// Adds what a run had to the record of a home. What hinders that is nobody's concern.
    package static func add(_ routes: [Route], home: String) {
        guard !routes.isEmpty else { return }
        try? Files.makeFolders("\(home)/cache")
        try? Files.locked("\(home)/cache/routes.lock") {
            let all = RouteRecord(merging: RouteRecord(home: home).routes + routes)
            // A hint: nobody waits for a disk, and what a power failure leaves of it is read as none.
            try Files.replace(path(home), with: JSON.object(["routes": .array(all.routes.map(\.json))]).canonical, durably: false)
        }
    }

    /// What `known` gives of a home's record, which is read only where that can be anything.
    package static func known(home: String, _ supply: ModuleSupply, _ policy: ModulePolicy, offline: Bool) -> [ModuleName: KnownModule] {
        policy.patterns.isEmpty ? [:] : RouteRecord(home: home).known(supply, policy, offline: offline)
    }

    /// The modules that need not be looked for again, of those that a policy allows and no lock pins: what was checked a short time ago, or
    /// anything while nobody can be asked; only of the same registries, not where this run chooses among resources otherwise, and not what means
    /// something else in the home's own store by now.
    package func known(_ supply: ModuleSupply, _ policy: ModulePolicy, offline: Bool) -> [ModuleName: KnownModule] {
        let (now, registries, choice) = (Clock.now, supply.registries, policy.choice)
        var known: [ModuleName: KnownModule] = [:]
        for route in routes where offline || 0..<RouteRecord.freshness ~= now - route.checkedAt {
            guard route.registries == registries, route.choice.map({ $0 == choice }) ?? true else { continue }
            guard policy.mayBe(route.module, route.locator), !supply.hasMoved(route.module, from: route.locator, route.digest) else {
                continue
            }
            known[route.module] = KnownModule(
                locator: route.locator.pinned(to: route.digest), checkedAt: route.checkedAt, choice: route.choice)
        }
        return known
    }

    private static func path(_ home: String) -> String { "\(home)/cache/routes.json" }
}
