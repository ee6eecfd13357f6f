import RxHTTP
public import RxModel
import RxStore

extension Client {
    /// What a copy made.
    public struct Copying: Sendable {
        /// The new name, with its registry.
        public let target: Locator
        /// The manifest's digest, as it was read.
        public let digest: Digest
        /// How many manifests the artifact has: itself, what it lists and, when that was asked for, what refers to it.
        public let manifests: Int
        /// What it took.
        public let report: TransferReport
    }

    /// Copies an artifact with all that it lists, byte for byte, from a registry or the local store to a registry or the local store:
    /// a locator with a host means that registry, one without the local store. Only what the target lacks moves, straight from one
    /// registry to the other, and within one registry nothing at all. With `referrers`, what refers to it is copied too.
    public func copy(_ source: Locator, to target: Locator, referrers: Bool) throws -> Copying {
        let meter = TransferMeter(wire)
        guard target.digestPrefix == nil else {
            throw RegistryError(
                "\(target) has a digest: a copy keeps the digest that it has", code: .invalidRequest, hint: "leave @sha256:... out")
        }
        guard let host = source.registry else {
            return try reading {
                try local(source) ?? { throw try notFound(source) }()
            } _: { record, _ in
                let origin = LocalOrigin(store: store, registry: "", repository: source.repository)
                guard let stored = try origin.artifact(.digest(.sha256(record.manifestDigest))) else { throw try notFound(source) }
                return try copy(ReadManifest(stored, of: "\(source)"), from: origin, to: target, referrers: referrers, meter)
            }
        }
        let (read, _, origin) = try artifact(source, at: registry(forHost: host))
        return try copy(read, from: origin, to: target, referrers: referrers, meter)
    }

    private func copy(
        _ read: ReadManifest, from origin: some ArtifactOrigin, to target: Locator, referrers: Bool, _ meter: TransferMeter
    ) throws -> Copying {
        if let host = target.registry {
            let registry = try registry(forHost: host)
            let count = try send(read, from: origin, to: target, at: registry, referrers: referrers, meter)
            return Copying(
                target: target.at(registry: registry.authority), digest: read.stored.digest, manifests: count, report: meter.report)
        }
        let reference = Reference(repository: target.repository, tag: target.tag)
        let record = try store(read, ArtifactKind(read), from: origin, as: reference, meter, referrers: referrers)
        return Copying(target: record.reference.locator, digest: record.manifestDigest, manifests: 1, report: meter.report)
    }
}
