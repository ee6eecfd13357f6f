public import RxModel
import RxPosix
import Synchronization

extension MemoryStore {
    public func artifact(registry: String, repository: String, name: ArtifactName) throws -> StoredArtifact? {
        state.withLock { state in
            let holder = Repository(registry: registry, name: repository)
            switch name {
            case .digest(let digest): return state.stored(holder, digest)
            case .tag(let text):
                guard let tag = state.tag(registry, repository, text).flatMap({ state.tags[$0] }) else { return nil }
                return state.stored(holder, .sha256(tag.manifest))
            }
        }
    }

    public func digest(of name: ContentDigest) throws -> Digest? { state.withLock { $0.digest(of: name) } }

    public func tags(registry: String, repository: String, after last: String?, limit: Int) throws -> [String]? {
        state.withLock { state in
            let hasManifest = state.manifests[Repository(registry: registry, name: repository)]?.isEmpty == false
            let hasBlob = registry.isEmpty && state.leases[repositoryOwner(repository)]?.values.contains { $0 > Clock.now } ?? false
            guard hasManifest || hasBlob else { return nil }
            let all = state.tags.keys.filter { $0.registry == registry && $0.repository == repository }.map(\.tag)
            return page(all, after: last, limit: limit)
        }
    }

    public func repositories(registry: String, after last: String?, limit: Int) throws -> [String] {
        state.withLock { state in
            page(state.manifests.filter { $0.key.registry == registry && !$0.value.isEmpty }.map(\.key.name), after: last, limit: limit)
        }
    }

    public func referrers(registry: String, repository: String, of digest: ContentDigest) throws -> [Descriptor] {
        state.withLock { state in
            let wanted = state.subject(digest)
            return (state.manifests[Repository(registry: registry, name: repository)] ?? []).filter { held in
                held.artifact.subject.map { state.subject($0) == wanted } ?? false
            }.compactMap(\.artifact.stored.referrer)
        }
    }

    public func put(_ artifact: Artifact, in repository: String, tags: [String], name: ContentDigest?, sparse: Bool) throws {
        try state.withLock { try $0.checkContent(of: artifact, but: artifact.inlined, in: repository, sparse: sparse) }
        for (digest, bytes) in artifact.inlined where try blob(digest, in: repository, leasing: true) == nil {
            let upload = try beginUpload(in: repository)
            try bytes.withUnsafeBytes { try upload.append($0) }
            _ = try upload.finish(as: digest)
        }
        try state.withLock { state in
            try state.checkContent(of: artifact, in: repository, sparse: sparse)
            state.put(artifact, in: Repository(registry: "", name: repository), tags: tags)
            guard let name, name.sha256 == nil else { return }
            state.alias(name, of: artifact.digest)
            let holder = Repository(registry: "", name: repository)
            guard let index = state.manifests[holder]?.firstIndex(where: { $0.digest == artifact.digest }) else { return }
            state.manifests[holder]?[index].alias = name
        }
    }

    public func removeArtifact(repository: String, name: ArtifactName, sparse: Bool) throws -> Bool {
        try state.withLock { state in
            state.version += 1
            switch name {
            case .tag(let tag): return state.removeTag(Reference(repository: repository, tag: tag))
            case .digest(let digest):
                let holder = Repository(registry: "", name: repository)
                guard let found = state.artifact(holder, digest)?.digest else { return false }
                let isListed = (state.manifests[holder] ?? []).contains {
                    $0.artifact.manifests.keys.contains { state.digest(of: $0) == found }
                }
                guard sparse || !isListed else {
                    throw RegistryError(
                        "an index of \(repository) lists manifest \(found)", code: .unsupported, hint: "delete the index first")
                }
                guard state.pins[holder.place(found)] == nil else { throw RegistryError.pinned(found, in: repository) }
                for (reference, tag) in state.tags
                where reference.registry.isEmpty && reference.repository == repository && tag.manifest == found {
                    state.removeTag(reference)
                }
                state.manifests[holder]?.removeAll { $0.digest == found }
                return true
            }
        }
    }

    private func page(_ names: [String], after last: String?, limit: Int) -> [String] {
        let rest = names.filter { name in last.map { $0.utf8.lexicographicallyPrecedes(name.utf8) } ?? true }
        return Array(rest.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.prefix(limit))
    }
}

extension Artifact {

    /// What is answered of it.
    var stored: StoredArtifact { StoredArtifact(bytes: bytes, mediaType: mediaType, digest: digest) }
}

extension MemoryStore.State {
    /// The SHA-256 of what a digest names.
    func digest(of name: ContentDigest) -> Digest? { name.sha256 ?? aliases[name] }

    /// A digest as subjects are compared.
    func subject(_ name: ContentDigest) -> ContentDigest { digest(of: name).map { .sha256($0) } ?? name }

    mutating func alias(_ name: ContentDigest, of digest: Digest) {
        guard name.sha256 == nil, aliases.updateValue(digest, forKey: name) == nil else { return }
        // Who referred to it by this name is kept by it from now on, where it is there.
        for (repository, list) in manifests where list.contains(where: { $0.digest == digest }) {
            for index in list.indices where list[index].artifact.subject == name { manifests[repository]![index].byDigest = false }
        }
    }

    /// Removes a tag; gives whether it was there.
    @discardableResult
    mutating func removeTag(_ reference: Reference) -> Bool {
        guard let tag = tags.removeValue(forKey: reference) else { return false }
        noteUntagged(tag.manifest, in: MemoryStore.Repository(registry: reference.registry, name: reference.repository))
        return true
    }

    /// Notes since when a manifest has no tag, if it has none.
    mutating func noteUntagged(_ digest: Digest, in repository: MemoryStore.Repository) {
        let isTagged = tags.contains {
            $0.key.registry == repository.registry && $0.key.repository == repository.name && $0.value.manifest == digest
        }
        guard !isTagged, let index = manifests[repository]?.firstIndex(where: { $0.digest == digest }) else { return }
        manifests[repository]![index].untaggedSince = Clock.now
    }

    func artifact(_ repository: MemoryStore.Repository, _ name: ContentDigest) -> Artifact? {
        let digest = digest(of: name)
        return manifests[repository]?.first { $0.digest == digest }?.artifact
    }

    /// A manifest as it is answered.
    func stored(_ repository: MemoryStore.Repository, _ name: ContentDigest) -> StoredArtifact? {
        let digest = digest(of: name)
        guard let held = manifests[repository]?.first(where: { $0.digest == digest }) else { return nil }
        return StoredArtifact(bytes: held.artifact.bytes, mediaType: held.artifact.mediaType, digest: held.digest, name: held.alias)
    }

    /// Throws when the repository lacks a blob or manifest that is named, or has it with another size.
    func checkContent(of artifact: Artifact, but inlined: [ContentDigest: [UInt8]] = [:], in repository: String, sparse: Bool) throws {
        var missing: [ContentDigest] = []
        for (name, size) in artifact.blobs.merging(artifact.manifests, uniquingKeysWith: { first, _ in first }) where inlined[name] == nil {
            let child = self.artifact(MemoryStore.Repository(registry: "", name: repository), name)?.bytes.count
            guard let found = blob(name, in: repository)?.size ?? child else {
                if !sparse || artifact.blobs[name] != nil { missing.append(name) }
                continue
            }
            guard found == size else {
                throw RegistryError("\(name) has \(found) bytes, and the manifest says \(size)", code: .sizeInvalid)
            }
        }
        guard missing.isEmpty else { throw MissingContentError(missing.sorted { $0.description < $1.description }, in: repository) }
    }

    /// Inserts a manifest where it is missing and moves the tags to it.
    mutating func put(_ artifact: Artifact, in repository: MemoryStore.Repository, tags: [String]) {
        if self.artifact(repository, .sha256(artifact.digest)) == nil {
            // A blob that is not the repository's does not become it by being listed.
            let listed = artifact.manifests.keys.filter { repository.registry.isEmpty && blob($0, in: repository.name) != nil }
            manifests[repository, default: []].append(MemoryStore.Held(artifact, listed: listed))
        }
        let now = Clock.now
        for tag in tags {
            seq += 1
            let reference = Reference(registry: repository.registry, repository: repository.name, tag: tag)
            let before = self.tags[reference]
            self.tags[reference] = MemoryStore.Tag(
                manifest: artifact.digest, createdAt: before?.createdAt ?? now, updatedAt: now, seq: seq)
            if let before { noteUntagged(before.manifest, in: repository) }
        }
        version += 1
        completePartial(repository.place(artifact.digest), tags: tags, now: now)
        let list = manifests[repository] ?? []
        manifests[repository] = list.map { held in
            var held = held
            if held.digest == artifact.digest {
                held.byDigest = tags.isEmpty && !isNamed(held, in: list, repository)
                if held.byDigest { held.untaggedSince = now }
            } else if artifact.manifests.keys.contains(where: { digest(of: $0) == held.digest })
                || held.artifact.subject.map({ subject($0) == .sha256(artifact.digest) }) ?? false
            {
                held.byDigest = false
            }
            return held
        }
    }

    /// Whether anything but its own digest keeps a manifest.
    private func isNamed(_ held: MemoryStore.Held, in list: [MemoryStore.Held], _ repository: MemoryStore.Repository) -> Bool {
        let isTagged = tags.contains { reference, tag in
            reference.registry == repository.registry && reference.repository == repository.name && tag.manifest == held.digest
        }
        return isTagged
            || list.contains { other in
                other.artifact.manifests.keys.contains { digest(of: $0) == held.digest }
                    || held.artifact.subject.map { subject($0) == .sha256(other.digest) } ?? false
            }
    }
}
