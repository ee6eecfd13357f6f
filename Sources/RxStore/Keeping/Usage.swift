import RxModel

/// What takes the space: which blobs are named by one repository alone, and which by several.
public struct StoreUsage: Sendable, Equatable {
    /// A number of blobs and their bytes.
    public struct Amount: Sendable, Equatable {
        /// How many.
        public var blobs: Int
        /// Their bytes, each blob counted once.
        public var bytes: Int

        /// Makes an amount.
        public init(blobs: Int = 0, bytes: Int = 0) {
            self.blobs = blobs
            self.bytes = bytes
        }
    }

    /// What one repository, or all copies from one registry, take.
    public struct Share: Sendable, Equatable {
        /// "" for this store's own, else the host it was copied from.
        public let registry: String
        /// The repository; nil for everything of a registry.
        public let repository: String?
        /// How many tags there are.
        public var tags = 0
        /// How many manifests.
        public var manifests = 0
        /// How many copies of which only some files are here.
        public var partialCopies = 0
        /// Blobs that nothing else names or keeps: what would be free without it.
        public var unique = Amount()
        /// Blobs that something else names, too.
        public var shared = Amount()
        /// The bytes of the blobs of every manifest, as if nothing were shared.
        public var logicalBytes = 0

        /// All of its bytes.
        public var bytes: Int { [unique.bytes, shared.bytes].cappedSum }

        init(registry: String, repository: String?) {
            self.registry = registry
            self.repository = repository
        }
    }

    /// Each repository, those with most bytes first.
    public var repositories: [Share] = []
    /// This store's own resources together, and the copies from each registry, those with most bytes first.
    public var registries: [Share] = []
    /// All blobs that are present.
    public var stored = Amount()
    /// Blobs that no manifest names and no partial copy keeps: a collection deletes them unless they are leased.
    public var unnamed = Amount()
    /// The bytes of the blobs of every manifest, as if nothing were shared.
    public var logicalBytes = 0

    /// Nothing.
    public init() {}
}

extension StoreFacts {
    /// Measures what each repository takes. What is held in memory grows with repositories and manifests, not with blobs.
    func usage() throws -> StoreUsage {
        var names: [RepositoryName: Int] = [:]
        var repositories: [StoreUsage.Share] = []
        var registries: [StoreUsage.Share] = []
        var registryIndexes: [String: Int] = [:]
        /// The registry of each repository.
        var parents: [Int] = []
        var holders: [Node: Int] = [:]
        func share(of name: RepositoryName) -> Int {
            if let index = names[name] { return index }
            let index = repositories.count
            names[name] = index
            repositories.append(StoreUsage.Share(registry: name.registry, repository: name.repository))
            let parent = registryIndexes[name.registry] ?? registries.count
            if parent == registries.count {
                registryIndexes[name.registry] = parent
                registries.append(StoreUsage.Share(registry: name.registry, repository: nil))
            }
            parents.append(parent)
            return index
        }
        try eachManifest { node, name in
            let index = share(of: name)
            repositories[index].manifests += 1
            holders[node] = index
        }
        var partialHolders: [Int: Int] = [:]
        for copy in try partialCopies() {
            let index = share(of: RepositoryName(registry: copy.place.registry, repository: copy.place.repository))
            repositories[index].partialCopies += 1
            partialHolders[copy.id] = index
        }
        for (name, count) in try tagCounts() { if let index = names[name] { repositories[index].tags = count } }

        var usage = StoreUsage()
        var naming: Set<Int> = []
        var above: Set<Int> = []
        try eachBlob { size, nodes, copies in
            usage.stored.add(size)
            guard !nodes.isEmpty || !copies.isEmpty else { return usage.unnamed.add(size) }
            naming.removeAll(keepingCapacity: true)
            above.removeAll(keepingCapacity: true)
            for index in nodes.lazy.compactMap({ holders[$0] }) + copies.lazy.compactMap({ partialHolders[$0] }) {
                repositories[index].logicalBytes.addCapped(size)
                if naming.insert(index).inserted { above.insert(parents[index]) }
            }
            for index in naming { repositories[index].add(size, isUnique: naming.count == 1) }
            for index in above { registries[index].add(size, isUnique: above.count == 1) }
        }
        for (index, share) in repositories.enumerated() {
            registries[parents[index]].tags += share.tags
            registries[parents[index]].manifests += share.manifests
            registries[parents[index]].partialCopies += share.partialCopies
            registries[parents[index]].logicalBytes.addCapped(share.logicalBytes)
            usage.logicalBytes.addCapped(share.logicalBytes)
        }
        usage.repositories = repositories.sorted(by: StoreUsage.Share.precedes)
        usage.registries = registries.sorted(by: StoreUsage.Share.precedes)
        return usage
    }
}

extension StoreUsage.Amount {
    fileprivate mutating func add(_ size: Int) {
        blobs += 1
        bytes.addCapped(size)
    }
}

extension StoreUsage.Share {
    fileprivate mutating func add(_ size: Int, isUnique: Bool) { if isUnique { unique.add(size) } else { shared.add(size) } }

    fileprivate static func precedes(_ a: Self, _ b: Self) -> Bool {
        if a.bytes != b.bytes { return a.bytes > b.bytes }
        return (a.registry, a.repository ?? "") < (b.registry, b.repository ?? "")
    }
}
