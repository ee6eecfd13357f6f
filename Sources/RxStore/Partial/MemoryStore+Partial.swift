public import RxModel
import RxPosix
import Synchronization

extension MemoryStore {
    /// A copy of which the manifest is here, and some of the files.
    struct Partial {
        let artifact: Artifact
        /// Grows with each that is new.
        let id: Int
        var tag: String
        var byDigest: Bool
        var usedAt: Int
        /// The blobs that it keeps.
        var kept: Set<Digest> = []
    }

    public func putPartial(_ artifact: Artifact, as reference: Reference, pinned: Bool) throws {
        guard artifact.tree != nil, !reference.registry.isEmpty else { throw RegistryError.noPartial(artifact, as: reference) }
        let place = ManifestPlace(registry: reference.registry, repository: reference.repository, digest: artifact.digest)
        state.withLock { state in
            if state.partial[place] == nil { state.partialCount += 1 }
            var copy =
                state.partial[place]
                ?? Partial(artifact: artifact, id: state.partialCount, tag: reference.tag, byDigest: pinned, usedAt: Clock.now)
            copy.tag = reference.tag
            copy.byDigest = copy.byDigest || pinned
            copy.usedAt = Clock.now
            state.partial[place] = copy
            guard !pinned else { return }
            state.seq += 1
            state.partialTags[reference] = (place, state.seq)
        }
    }

    public func partialCopy(registry: String, repository: String, selector: Selector) throws -> PartialCopy? {
        state.withLock { state in
            guard let place = state.partialPlace(registry, repository, selector), let copy = state.partial[place] else { return nil }
            return PartialCopy(place: place, tag: copy.tag, bytes: copy.artifact.bytes, usedAt: copy.usedAt)
        }
    }

    public func keep(_ blobs: [Digest: Int], in copy: ManifestPlace) throws -> Set<Digest>? {
        state.withLock { state in
            guard state.partial[copy] != nil else { return nil }
            let here = Set(blobs.filter { state.blobs[$0.key]?.count == $0.value }.map(\.key))
            state.partial[copy]?.kept.formUnion(here)
            return here
        }
    }

    public func digests(registry: String, repository: String, limit: Int) throws -> [Digest] {
        state.withLock { state in
            let own = state.partial.filter { $0.key.registry == registry && $0.key.repository == repository }
            let partial = own.sorted { $0.value.id > $1.value.id }.map(\.key.digest)
            let held = state.manifests[Repository(registry: registry, name: repository)] ?? []
            let whole = held.reversed().filter { $0.artifact.tree != nil }.map(\.artifact.digest)
            return Array((partial + whole.filter { !partial.contains($0) }).prefix(limit))
        }
    }

    public func noteUse(ofPartial copy: ManifestPlace) throws { state.withLock { $0.partial[copy]?.usedAt = Clock.now } }
}

extension MemoryStore.State {
    /// The partial copy that is meant; nil when there is none, or a whole one was put under the tag since.
    fileprivate func partialPlace(_ registry: String, _ repository: String, _ selector: Selector) -> ManifestPlace? {
        switch selector {
        case .digest(let digest):
            let own = partial.filter { place, copy in
                place.registry == registry && place.repository == repository && (place.digest == digest || copy.artifact.tree == digest)
            }
            return own.keys.first { $0.digest == digest } ?? own.max { $0.value.id < $1.value.id }?.key
        case .tag(let tag):
            let named = partialTags[Reference(registry: registry, repository: repository, tag: tag)]
            let isNewest = tag == Locator.latest && named == nil
            let newest = partialTags.filter { $0.key.registry == registry && $0.key.repository == repository }.map(\.value)
            guard let found = isNewest ? newest.max(by: { $0.seq < $1.seq }) : named else { return nil }
            let whole = self.tag(registry, repository, tag)
            if isNewest, whole?.tag == Locator.latest { return nil }
            return whole.flatMap { tags[$0]?.seq }.map { $0 > found.seq } == true ? nil : found.place
        }
    }

    /// Ends a partial copy of which everything is here now, and what `tags`, which were put on that, meant before. Its other tags mean the
    /// whole copy from now on, each as old as it was, but for those that a whole one was put under since.
    mutating func completePartial(_ place: ManifestPlace, tags: [String], now: Int) {
        for tag in tags { partialTags[place.reference(tag)] = nil }
        for (reference, partial) in partialTags where partial.place == place {
            let before = self.tags[reference]
            if let before, before.seq > partial.seq { continue }
            self.tags[reference] = MemoryStore.Tag(
                manifest: place.digest, createdAt: before?.createdAt ?? now, updatedAt: now, seq: partial.seq)
            if let before { noteUntagged(before.manifest, in: .init(registry: place.registry, name: place.repository)) }
        }
        removePartial(place)
    }

    /// Removes a partial copy.
    mutating func removePartial(_ place: ManifestPlace) {
        partial[place] = nil
        partialTags = partialTags.filter { $0.value.place != place }
    }

    /// The partial copies that no tag means any more, that nobody has asked for by their digest, and that were last used before a time.
    func idlePartials(before time: Int) -> [ManifestPlace] {
        partial.filter { place, copy in
            !copy.byDigest && copy.usedAt <= time && !partialTags.values.contains { $0.place == place }
        }.map(\.key)
    }

    /// The partial copies that keep a blob.
    func partialPlaces(keeping blob: Digest) -> [ManifestPlace] {
        partial.filter { $0.value.kept.contains(blob) }.sorted { $0.value.id < $1.value.id }.map(\.key)
    }
}
