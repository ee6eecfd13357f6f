import RxCrypto
import RxModel
import Synchronization

extension Loader {
    /// The resource of a name that is not in the table yet, or the answer for one that cannot be bound.
    func binding(of name: String, for headers: Headers) async -> Found {
        let now = settings.time.now()
        let (known, search) = state.withLock { state -> (Found?, Task<Found, Never>?) in
            if let bound = state.bound[name] { return (.bound(bound), nil) }
            if let reply = state.refused.reply(for: name, at: now) { return (.refused(reply), nil) }
            if let search = state.searches[name] { return (nil, search) }
            let search = Task { await self.search(name) }
            state.searches[name] = search
            return (nil, search)
        }
        if let known { return known }
        let found = await search!.value
        switch found {
        case .bound(let bound):
            // Not bound for whoever cannot use it: each caller comes with a kit of its own.
            if let refusal = bound.refusal(headers.kit) { return .refused(refusal) }
            return .bound(await enter(bound, as: name))
        case .refused(let reply):
            if reply.condition != .notFound { reply.report(path: headers.path, to: headers.kit) }
            return found
        }
    }

    /// Looks for a name, once for all who wait, and keeps the answer for a name that leads nowhere.
    private func search(_ name: String) async -> Found {
        let found = await look(for: name)
        let now = settings.time.now()
        state.withLock { state in
            state.searches[name] = nil
            guard case .refused(let reply) = found else { return }
            let isPassing = reply.condition == .unavailable || reply.condition == .error
            state.refused.keep(reply, for: name, at: now, until: now + (isPassing ? settings.failure : settings.absence))
        }
        return found
    }

    private func look(for name: String) async -> Found {
        do {
            guard let asked = try settings.rule.locator(name) else { return .refused(.notFound) }
            guard asked.digestPrefix == nil || asked.digest != nil else {
                throw LocatorError("A digest must have all 64 digits to be resolved: \(asked)", locator: asked.description)
            }
            var here = await recorded(name, asked)
            if here == nil { here = try await settings.disk.run({ [local] in try local.stored(asked) }).map { try verified($0, asked) } }
            if let here, here.isWhole || settings.types.isPartial(here.manifest.definition.type) { return .bound(try bound(here, asked)) }
            guard let remote else {
                guard let here else { throw RegistryError.notFound(asked.description) }
                return .bound(try bound(here, asked))
            }
            do {
                let stored = try await fetched(asked, from: remote)
                return .bound(try bound(verified(stored, asked), asked))
            } catch {
                // What is here in part is better than nothing, while nobody answers.
                guard let here, Reply.refused(error).condition == .unavailable else { throw error }
                return .bound(try bound(here, asked))
            }
        } catch {
            return .refused(.refused(error))
        }
    }

    /// Fetches a resource: of one whose files are used one by one only the manifest.
    func fetched(_ asked: Locator, from remote: any RemoteShelf) async throws -> StoredResource {
        try await settings.network.run { [types = settings.types] in try remote.fetched(asked) { types.isPartial($0) } }
    }

    /// Binds by type. A loader without registries asks nobody for a file, either.
    func bound(_ stored: StoredResource, _ asked: Locator, uses: Int = 0) throws -> BoundRoute {
        try BoundRoute(
            remote == nil ? stored.offline : stored, asked: asked, types: settings.types, disk: settings.disk, network: settings.network,
            uses: uses)
    }

    /// A resource that is what was asked for: of its name, of the pinned digest, and its files those of its tree digest. Their bytes are
    /// checked when they are read. Throws `RegistryError`.
    func verified(_ stored: StoredResource, _ asked: Locator) throws -> StoredResource {
        func refuse(_ reason: String) -> RegistryError {
            RegistryError("\(asked) was answered with \(reason)", code: .digestInvalid, hint: "check what answers for its registry")
        }
        guard stored.locator.repository.utf8.elementsEqual(asked.repository.utf8) else {
            throw refuse("another resource, \(stored.locator)")
        }
        guard treeDigest(stored.manifest.files) == stored.manifest.tree else { throw refuse("files of another tree digest than its own") }
        if let pin = asked.digest, pin != stored.digest, pin != stored.manifest.tree { throw refuse("digest \(stored.digest)") }
        return stored
    }

    /// Puts a resource into the table, unless another one is there already, and gives what is there.
    private func enter(_ bound: BoundRoute, as name: String) async -> BoundRoute {
        let (there, isNew) = state.withLock { state -> (BoundRoute, Bool) in
            if let there = state.bound[name] { return (there, false) }
            state.bound[name] = bound
            if bound.asked.digest == nil { state.trackers[name] = Tracker(self, route: name, digest: bound.stored.digest) }
            return (bound, true)
        }
        if isNew { await record(there, as: name) }
        return there
    }
}
