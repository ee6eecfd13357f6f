import RxModel
import Synchronization

/// Rebinds routes whose tags have moved. Source: Specs/15-loader, LOD-037.
extension Loader {
    /// What a registry answers for the tag of one route, and the propagator that rebinds the route when the answer changes.
    final class Tracker: Sendable {
        private let answer: Cell<LastWriter<Digest>>
        private let rebinding: Propagator
        /// Counts the answers: the last one to come is the one that holds.
        private let answers = Atomic<Int>(0)

        init(_ loader: Loader, route: String, digest: Digest) {
            let answer = Cell(LastWriter(digest, time: 0))
            self.answer = answer
            rebinding = Propagator(answer) { [weak loader] in
                if let digest = answer.value?.value { await loader?.rebind(route, to: digest) }
            }
        }

        /// Notes an answer, and waits until it has taken effect.
        func note(_ digest: Digest) async {
            answer.put(LastWriter(digest, time: answers.wrappingAdd(1, ordering: .relaxed).newValue))
            await rebinding.settled()
        }
    }

    /// Asks what the tag of each route names now, and rebinds those that have moved; a route that is pinned by a digest is never asked for.
    /// What cannot be asked stays as it is. Gives the routes that were rebound, sorted.
    @discardableResult
    public func refresh() async -> [String] {
        guard let remote else { return [] }
        let tracked = state.withLock { state in
            state.trackers.compactMap { route, tracker in state.bound[route].map { (route, tracker, $0) } }
        }
        return await withTaskGroup(of: String?.self) { group in
            for (route, tracker, bound) in tracked { group.addTask { await self.refresh(route, tracker, bound, remote) } }
            var moved: [String] = []
            for await route in group { if let route { moved.append(route) } }
            return moved.sorted()
        }
    }

    /// Refreshes again and again, with pauses of `interval`, until the task is cancelled.
    public func keepFresh(every interval: Duration) async {
        while (try? await settings.time.sleep(interval)) != nil { await refresh() }
    }

    /// Asks for one route, and gives it when it was rebound.
    private func refresh(_ route: String, _ tracker: Tracker, _ bound: BoundRoute, _ remote: any RemoteShelf) async -> String? {
        do {
            let locator = bound.stored.locator
            let digest = try await settings.network.run { try remote.digest(of: locator) }
            await tracker.note(digest)
        } catch {
            Reply.refused(error).report(path: "/\(route)", to: settings.kit)
        }
        guard let now = entry(route), now !== bound else { return nil }
        return route
    }

    /// Binds what a tag names now in place of what is bound, unless that is gone or has changed meanwhile.
    private func rebind(_ route: String, to digest: Digest) async {
        guard let remote, let old = entry(route), old.stored.digest != digest else { return }
        do {
            let locator = old.stored.locator
            let stored = try await fetched(locator, from: remote)
            guard stored.digest != old.stored.digest else { return }
            let new = try bound(verified(stored, old.asked), old.asked, uses: old.described(route).uses)
            let isTaken = state.withLock { state in
                guard state.bound[route] === old else { return false }
                state.bound[route] = new
                return true
            }
            if isTaken { await record(new, as: route) }
        } catch {
            Reply.refused(error).report(path: "/\(route)", to: settings.kit)
        }
    }
}
