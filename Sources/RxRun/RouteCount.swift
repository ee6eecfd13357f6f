import RxLoader
import RxModel

extension ModuleBinder {
    /// What is bound, and how often it was used.
    package var routes: [Route] {
        let uses = uses.mapValues { $0.values.reduce(0, +) }
        return modules.map { bound in
            let (resource, finding) = (bound.resource, finding(bound.module))
            return Route(
                module: bound.module, locator: resource.stored.locator, digest: resource.digest, uses: uses[resource.digest] ?? 0,
                checkedAt: finding?.at ?? 0, registries: registries, choice: finding?.choice)
        }
    }

    /// The same with what a program used without asking. Nobody is asked, and no manifest is read to count again what `earlier` has from the same
    /// registries: a digest means the same as then.
    package func routes(counting uses: RunUses, after earlier: RouteRecord) -> [Route] {
        let known = Dictionary(earlier.routes.map { ($0.module, $0) }) { first, _ in first }
        var counted: [ModuleName: Route] = [:]
        var unknown: Set<Digest> = []
        for (digest, module) in uses.modules {
            guard let finding = finding(itself: module, as: digest) else { continue }
            guard !isOpened(digest), let route = known[module], route.digest == digest, route.registries == registries else {
                unknown.insert(digest)
                continue
            }
            counted[module] = Route(
                module: module, locator: route.locator, digest: digest, uses: 0, checkedAt: finding.at, registries: registries,
                choice: finding.choice)
        }
        counted = counted.filter { !unknown.contains($0.value.digest) }
        let digests = Set(counted.values.map(\.digest))
        alone { $0.note(uses.without(digests)) }
        var times: [Digest: Int] = [:]
        for (digest, _) in uses.files where digests.contains(digest) { times[digest, default: 0] += 1 }
        return routes + counted.values.map { $0.used(times[$0.digest] ?? 0) }
    }
}

extension Route {
    /// The same, used so often.
    fileprivate func used(_ times: Int) -> Route {
        Route(
            module: module, locator: locator, digest: digest, uses: times, checkedAt: checkedAt, registries: registries, choice: choice)
    }
}
