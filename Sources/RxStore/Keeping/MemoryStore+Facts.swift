import RxModel
import RxPosix

/// A memory store's answers, while its state is held.
struct MemoryFacts: StoreFacts {
    let state: MemoryStore.State

    var now: Int { Clock.now }

    func digest(of name: ContentDigest) -> Digest? { state.digest(of: name) }

    func nodes(_ digest: Digest) -> [ManifestPlace] {
        state.manifests.compactMap { repository, list in
            list.contains { $0.digest == digest } ? repository.place(digest) : nil
        }.sorted { ($0.registry, $0.repository) < ($1.registry, $1.repository) }
    }

    func node(_ place: ManifestPlace) -> ManifestPlace? { held(place) == nil ? nil : place }

    func place(of node: ManifestPlace) -> ManifestPlace { node }

    func standing(of node: ManifestPlace) -> Standing {
        Standing(pinnedAt: state.pins[node], isByDigest: held(node)?.byDigest ?? false, untaggedSince: held(node)?.untaggedSince)
    }

    func tags(on node: ManifestPlace) -> [TagFact] {
        tags { $0.registry == node.registry && $0.repository == node.repository }.filter { $0.manifest == node.digest }
    }

    func indexes(listing node: ManifestPlace) -> [ManifestPlace] {
        list(node).filter { $0.artifact.manifests.keys.contains { state.digest(of: $0) == node.digest } }.map {
            ManifestPlace(registry: node.registry, repository: node.repository, digest: $0.digest)
        }
    }

    func subject(of node: ManifestPlace) -> ManifestPlace? {
        guard let subject = held(node)?.artifact.subject.flatMap({ state.digest(of: $0) }) else { return nil }
        return self.node(ManifestPlace(registry: node.registry, repository: node.repository, digest: subject))
    }

    func size(of blob: Digest) -> Int? { state.blobs[blob]?.count }

    func nodes(naming blob: Digest, limit: Int) -> (count: Int, nodes: [ManifestPlace]) {
        let nodes = state.manifests.flatMap { repository, list in
            list.filter { $0.blobs.contains { state.digest(of: $0) == blob } }.map { repository.place($0.digest) }
        }.sorted { ($0.registry, $0.repository, $0.digest) < ($1.registry, $1.repository, $1.digest) }
        return (nodes.count, Array(nodes.prefix(limit)))
    }

    func leases(on digest: Digest) -> [LeaseFact] {
        let leases = state.leases.compactMap { owner, list in list[digest].map { LeaseFact(owner: owner, until: $0) } }
        let holds = state.holds.compactMap { owner, list in list[digest].map { LeaseFact(owner: Database.holder + owner, until: $0) } }
        return (leases + holds).sorted { ($1.until, $0.owner) < ($0.until, $1.owner) }
    }

    func isInUse(_ node: ManifestPlace) -> Bool {
        if leases(on: node.digest).contains(where: { $0.isHold && $0.until > now }) { return true }
        let blobs = Set((held(node)?.blobs ?? []).compactMap { state.digest(of: $0) })
        return !blobs.isEmpty && blobs.allSatisfy { leases(on: $0).contains { $0.until > now } }
    }

    func taggedRepositories() -> [String] { Set(state.tags.keys.filter(\.registry.isEmpty).map(\.repository)).sorted() }

    func tags(of repository: String) -> [TagFact] { tags { $0.registry.isEmpty && $0.repository == repository } }

    func newerTags(than seq: Int, in repository: String, limit: Int) -> Int {
        min(limit, tags(of: repository).filter { $0.asideOf == nil && $0.seq > seq }.count)
    }

    func tagCounts() -> [RepositoryName: Int] {
        Dictionary(grouping: state.tags.keys) { RepositoryName(registry: $0.registry, repository: $0.repository) }.mapValues(\.count)
    }

    func eachManifest(_ body: (ManifestPlace, RepositoryName) throws -> Void) rethrows {
        for (repository, list) in state.manifests {
            let name = RepositoryName(registry: repository.registry, repository: repository.name)
            for held in list { try body(repository.place(held.digest), name) }
        }
    }

    func eachBlob(_ body: (_ size: Int, _ named: [ManifestPlace], _ partial: [Int]) throws -> Void) rethrows {
        for (digest, bytes) in state.blobs {
            let partial = state.partialPlaces(keeping: digest).compactMap { state.partial[$0]?.id }
            try body(bytes.count, nodes(naming: digest, limit: .max).nodes, partial)
        }
    }

    func partialCopies() -> [PartialFact] {
        state.partial.map { place, copy in
            PartialFact(
                id: copy.id, place: place,
                tags: state.partialTags.filter { $0.value.place == place }.map(\.key.tag).sorted {
                    $0.utf8.lexicographicallyPrecedes($1.utf8)
                }, lastUse: copy.usedAt, manifestSize: copy.artifact.bytes.count)
        }.sorted { $0.id < $1.id }
    }

    func partialCopies(keeping blob: Digest, limit: Int) -> [ManifestPlace] {
        Array(state.partialPlaces(keeping: blob).prefix(limit))
    }

    func partialCopies(of manifest: Digest) -> [(place: ManifestPlace, lastUse: Int)] {
        state.partial.filter { $0.key.digest == manifest }.map { ($0.key, $0.value.usedAt) }.sorted {
            ($0.place.registry, $0.place.repository) < ($1.place.registry, $1.place.repository)
        }
    }

    func copies() -> [(node: ManifestPlace, lastUse: Int)] {
        var nodes: Set<ManifestPlace> = []
        for (reference, tag) in state.tags where !reference.registry.isEmpty {
            nodes.insert(ManifestPlace(registry: reference.registry, repository: reference.repository, digest: tag.manifest))
        }
        return nodes.compactMap { node in lastUse(of: node).map { (node, $0) } }
    }

    func lastUse(of copy: ManifestPlace) -> Int? {
        guard !copy.registry.isEmpty, let put = tags(on: copy).map(\.updatedAt).max() else { return nil }
        return max(put, state.uses[copy] ?? 0)
    }

    private func held(_ place: ManifestPlace) -> MemoryStore.Held? { list(place).first { $0.digest == place.digest } }

    private func list(_ place: ManifestPlace) -> [MemoryStore.Held] {
        state.manifests[MemoryStore.Repository(registry: place.registry, name: place.repository)] ?? []
    }

    private func tags(where isWanted: (Reference) -> Bool) -> [TagFact] {
        state.tags.filter { isWanted($0.key) }.map { reference, tag in
            let place = ManifestPlace(registry: reference.registry, repository: reference.repository, digest: tag.manifest)
            return TagFact(
                tag: reference.tag, manifest: tag.manifest, updatedAt: tag.updatedAt, seq: tag.seq, isPinned: state.pins[place] != nil)
        }.sorted { $0.tag.utf8.lexicographicallyPrecedes($1.tag.utf8) }
    }
}

extension MemoryStore.Repository {
    /// A manifest in this repository.
    func place(_ digest: Digest) -> ManifestPlace { ManifestPlace(registry: registry, repository: name, digest: digest) }
}
