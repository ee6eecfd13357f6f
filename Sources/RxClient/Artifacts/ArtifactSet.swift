import RxCrypto
import RxModel
import RxProtocol
import RxStore

/// A manifest as it was read, with what it names.
struct ReadManifest: Sendable {
    let stored: StoredArtifact
    let manifest: ArtifactManifest
    /// The digest that it is listed by; another than SHA-256 when the list says so.
    let name: ContentDigest

    /// Throws `RegistryError` for bytes that are no manifest.
    init(_ stored: StoredArtifact, name: ContentDigest? = nil, of what: String) throws {
        self.stored = stored
        self.name = name ?? .sha256(stored.digest)
        do { manifest = try ArtifactManifest(parsing: stored.bytes, mediaType: stored.mediaType) } catch {
            throw RegistryError(
                "\(what) is not a manifest: \(error.message)", code: .invalidAnswer, hint: "check that the address is a registry's")
        }
    }
}

/// An artifact with all that belongs to it: the manifests that an index lists, at any depth, and, when they are asked for, those
/// that refer to one of them.
struct ArtifactSet: Sendable {
    /// How deep indexes in indexes, and referrers of referrers, are followed.
    static let depthLimit = 8
    /// How many manifests one artifact may have.
    static let countLimit = 10_000
    /// How many bytes all these manifests may have.
    static let bytesLimit = 256 << 20

    /// What the artifact lists, each behind what it lists itself.
    private(set) var parts: [ReadManifest] = []
    /// The artifact.
    let root: ReadManifest
    /// What refers to one of these, each behind what it refers to or is listed by.
    private(set) var referrers: [ReadManifest] = []

    private var seen: Set<Digest>
    private var bytes = 0

    /// Reads what belongs to `root`. Throws `RegistryError` for a manifest that is listed and not there.
    init(_ root: ReadManifest, from origin: some ArtifactOrigin, referrers withReferrers: Bool = false) throws {
        self.root = root
        seen = [root.stored.digest]
        try collectParts(of: root, from: origin, depth: 0) { $0.parts.append($1) }
        guard withReferrers else { return }
        var round = parts + [root]
        for _ in 0..<ArtifactSet.depthLimit where !round.isEmpty { round = try collectReferrers(of: round, from: origin) }
    }

    /// Every manifest, in the order in which they can be put.
    var all: [ReadManifest] { parts + [root] + referrers }

    private mutating func collectParts(
        of index: ReadManifest, from origin: some ArtifactOrigin, depth: Int, _ add: (inout ArtifactSet, ReadManifest) -> Void
    ) throws {
        for child in index.manifest.manifests where !child.isForeign {
            if let known = child.digest.sha256, seen.contains(known) { continue }
            guard depth < ArtifactSet.depthLimit else {
                throw RegistryError("\(index.stored.digest) lists indexes more than \(ArtifactSet.depthLimit) deep", code: .contentTooLarge)
            }
            guard let stored = try origin.artifact(.digest(child.digest)) else {
                throw RegistryError(
                    "the index \(index.stored.digest) lists \(child.digest), which is not there", code: .manifestUnknown,
                    hint: "it was copied without all its parts; take one of them by its digest")
            }
            let part = try ReadManifest(stored, name: child.digest, of: "\(child.digest)")
            try note(part)
            try collectParts(of: part, from: origin, depth: depth + 1, add)
            add(&self, part)
        }
    }

    private mutating func collectReferrers(of subjects: [ReadManifest], from origin: some ArtifactOrigin) throws -> [ReadManifest] {
        var found: [ReadManifest] = []
        for subject in subjects {
            for each in try origin.referrers(of: .sha256(subject.stored.digest)) {
                if let known = each.digest.sha256, seen.contains(known) { continue }
                guard let stored = try origin.artifact(.digest(each.digest)) else { continue }
                let referrer = try ReadManifest(stored, name: each.digest, of: "\(each.digest)")
                try note(referrer)
                try collectParts(of: referrer, from: origin, depth: 0) { $0.referrers.append($1) }
                referrers.append(referrer)
                found.append(referrer)
            }
        }
        return found
    }

    private mutating func note(_ manifest: ReadManifest) throws {
        seen.insert(manifest.stored.digest)
        bytes += manifest.stored.bytes.count
        guard seen.count <= ArtifactSet.countLimit, bytes <= ArtifactSet.bytesLimit else {
            throw RegistryError(
                "\(root.stored.digest) has more than \(ArtifactSet.countLimit) manifests, or too long ones", code: .contentTooLarge)
        }
    }
}

extension Sequence<ReadManifest> {
    /// Every blob that the manifests name, once, the largest first.
    var blobs: [Descriptor] {
        var found: [ContentDigest: Descriptor] = [:]
        for blob in lazy.flatMap(\.manifest.blobs) where found[blob.digest]?.data == nil { found[blob.digest] = blob }
        return found.values.sorted { ($1.size, $0.digest.description) < ($0.size, $1.digest.description) }
    }
}

extension Descriptor {
    /// The bytes that are written into the manifest itself; nil when there are none, or others than it says.
    var inlined: [UInt8]? {
        guard let data, let bytes = Base64.decode(data), bytes.count == size, digest.names(bytes) else { return nil }
        return bytes
    }
}
