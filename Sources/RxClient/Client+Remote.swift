import RxHTTP
public import RxModel
import RxProtocol
public import RxStore

extension Client {
    /// Finds a resource as a program needs it: a bare locator in the local store, then in each registry in order; one with a host
    /// in its cached copy, checked against that registry unless it is pinned by digest. Fetches what is missing or has moved; uses
    /// the copy when the network fails.
    public func find(_ locator: Locator) throws -> ResourceRecord {
        if locator.registry != nil { return try refreshed(locator, try registry(forHost: locator.registry!)) }
        if let record = try local(locator) { return record }
        return try firstAnswer(locator) { try refreshed(locator, $0) }
    }

    /// Fetches a resource: from the registry that is named, else from the one in the locator, else from the first that has it.
    public func pull(_ locator: Locator, from name: String?) throws -> ResourceRecord {
        if let name { return try fetch(locator, try registry(name)) }
        if let host = locator.registry { return try fetch(locator, try registry(forHost: host)) }
        guard !registries.isEmpty else { throw Client.noRegistry }
        return try firstAnswer(locator) { try fetch(locator, $0) }
    }

    /// What the first registry that has a resource answers, asked in order. Throws the error of the first that could not be asked
    /// when no other has it, else that it is nowhere.
    func firstAnswer<Value>(_ locator: Locator, _ ask: (RegistryURL) throws -> Value) throws -> Value {
        var failure: RegistryError?
        for candidate in registries {
            switch candidate {
            case .failure(let error): failure = failure ?? error
            case .success(let registry):
                do { return try ask(registry) } catch let error as RegistryError
                    where [.unreachable, .unauthorized, .denied].contains(error.code)
                {
                    failure = failure ?? error
                } catch let error as RegistryError where error.code == .resourceNotFound {}
            }
        }
        throw try failure ?? notFound(locator)
    }

    /// The copy of a resource, fetched again when the registry's digest is another one.
    private func refreshed(_ locator: Locator, _ registry: RegistryURL) throws -> ResourceRecord {
        let copy = try store.resolve(registry: registry.authority, repository: locator.repository, selector: try Selector(locator))
        if let copy, locator.digest != nil { return copy }
        do {
            return try ask(registry) { client in
                let info = try client.info(locator)
                if let copy, copy.manifestDigest == info.manifestDigest, copy.reference.tag == info.locator.tag { return copy }
                return try receive(info, locator, registry, copy: copy)
            } distribution: { _ in
                try pull(locator, through: registry, copy: copy)
            }
        } catch let error as RegistryError where error.code == .unreachable {
            guard let copy else { throw error }
            return copy
        }
    }

    private func fetch(_ locator: Locator, _ registry: RegistryURL) throws -> ResourceRecord {
        try ask(registry) {
            try receive(try $0.info(locator), locator, registry, copy: nil)
        } distribution: { _ in
            try pull(locator, through: registry, copy: nil)
        }
    }

    /// Stores what the registry described: nothing is transferred when every file is here, and nothing is stored unless name,
    /// files and digest are the ones that were asked for and answered.
    private func receive(_ info: ResourceInfo, _ asked: Locator, _ registry: RegistryURL, copy: ResourceRecord?) throws -> ResourceRecord {
        guard info.isPlainResource else {
            faces.note(.rx, for: registry)
            return try pull(info.named(asked), through: registry, copy: copy)
        }
        let manifest = try info.checkedManifest(asked, registry)
        let operation = try store.begin()
        defer { progress.end() }
        let present = try operation.lease(manifest.blobs)
        if !manifest.files.allSatisfy({ present.contains($0.digest) }) {
            if movesByBlobs(manifest) {
                faces.note(.rx, for: registry)
                progress.begin("pulling", total: manifest.size)
                try stage(manifest, except: present, from: info.locator.repository, registry, into: operation)
            } else {
                try remote(registry).content(of: manifest, info.locator.pinned(to: info.manifestDigest), into: operation)
            }
        }
        return try operation.commit(
            manifest, as: Reference(registry: registry.authority, repository: asked.repository, tag: info.locator.tag))
    }
}

extension Client {
    /// What a registry says of a resource, checked; nothing is fetched. Asks the registry that is named, else the one in the
    /// locator, else each in order.
    public func describe(_ locator: Locator, at name: String?) throws -> (record: ResourceRecord, files: [ResourceFile]) {
        if let name { return try describe(locator, try registry(name)) }
        if let host = locator.registry { return try describe(locator, try registry(forHost: host)) }
        return try firstAnswer(locator) { try describe(locator, $0) }
    }

    private func describe(_ locator: Locator, _ registry: RegistryURL) throws -> (record: ResourceRecord, files: [ResourceFile]) {
        try ask(registry) { client in
            let info = try client.info(locator)
            guard info.isPlainResource else {
                faces.note(.rx, for: registry)
                let (record, files) = try describe(info.named(locator), through: registry)
                return (record.dated(info.createdAt, info.updatedAt), files)
            }
            let manifest = try info.checkedManifest(locator, registry)
            let record = ResourceRecord(
                reference: Reference(registry: registry.authority, repository: locator.repository, tag: info.locator.tag),
                manifestDigest: info.manifestDigest, tree: manifest.tree, size: manifest.size, fileCount: manifest.files.count,
                definition: manifest.definition, createdAt: info.createdAt, updatedAt: info.updatedAt)
            return (record, manifest.files)
        } distribution: { _ in
            try describe(locator, through: registry)
        }
    }
}
