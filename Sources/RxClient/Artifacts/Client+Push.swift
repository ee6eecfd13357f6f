public import RxHTTP
public import RxModel
public import RxProtocol
import RxCrypto
import RxStore

extension Client {
    /// Sends a resource or artifact of the local store to the registry that is named, else to the one in the locator, else to the
    /// default. An rx registry takes a resource by a negotiated transfer, or by its publish call; everything else goes through `/v2/`,
    /// byte for byte, and a resource whose manifest is too long for a registry that has `/v2/` alone in packed form.
    public func push(_ locator: Locator, to name: String?) throws -> (registry: RegistryURL, receipt: PublishReceipt) {
        let pushing = try pushing(locator, to: name)
        return (pushing.registry, pushing.receipt)
    }

    /// What a push did.
    public struct Pushing: Sendable {
        /// Where it went.
        public let registry: RegistryURL
        /// What is there now.
        public let receipt: PublishReceipt
        /// What it took.
        public let report: TransferReport
    }

    /// The same as `push`, with what it took.
    public func pushing(_ locator: Locator, to name: String?) throws -> Pushing {
        let registry =
            try name.map { try self.registry($0) } ?? locator.registry.map { try self.registry(forHost: $0) } ?? self.registry(nil)
        let meter = TransferMeter(wire)
        let own = locator.at(registry: nil)
        func find() throws -> ResourceRecord {
            guard let record = try local(own) ?? (locator.registry == nil ? nil : local(locator)) else { throw try notFound(locator) }
            return record
        }
        let receipt =
            try findingAgain(find) { try negotiate($0, to: registry, meter) }
            ?? reading(find) { try push($0, $1, to: registry, meter) }
        return Pushing(registry: registry, receipt: receipt, report: meter.report)
    }

    /// Pushes a resource by a negotiated transfer; nil when the registry does not have these calls, or it is none that they take.
    private func negotiate(_ record: ResourceRecord, to registry: RegistryURL, _ meter: TransferMeter) throws -> PublishReceipt? {
        let target = record.reference.locator.at(registry: nil)
        let isPortable = DistributionClient.isPortable(target.repository)
        guard record.isResource, isPortable || record.isNamedBySelf else { return nil }
        // A name that an rx registry alone takes is never refused for what was shown at another time.
        if !isPortable, faces.face(of: registry) == .distribution { faces.forget(registry) }
        guard faces.face(of: registry) != .distribution, faces.transfers(of: registry) != false else { return nil }
        let push = ResourcePush(
            calls: TransferCalls(registry: registry, transport: transport), large: largeBlobs(of: target.repository, at: registry),
            store: store, notes: TransferNotes(home: home), progress: progress, meter: meter, record: record, target: target)
        do {
            let receipt = try push.run()
            faces.note(.rx, transfers: true, for: registry)
            return receipt
        } catch let error as RegistryError {
            if error.code == .unauthorized, faces.face(of: registry) == nil { return nil }
            guard let without = error.cause as? WithoutTransfers else { throw error }
            if without.isRegistry || faces.face(of: registry) == .rx {
                faces.note(.rx, transfers: false, for: registry)
            } else {
                // What it is instead is found out here, or by the question that follows.
                try? discover(registry, error)
            }
            return nil
        }
    }

    private func push(_ record: ResourceRecord, _ manifest: ResourceManifest, to registry: RegistryURL, _ meter: TransferMeter) throws
        -> PublishReceipt
    {
        let target = record.reference.locator.at(registry: nil)
        meter.total(blobs: record.fileCount, bytes: record.size)
        if record.isResource, record.isNamedBySelf, manifest.digest == record.manifestDigest, try face(of: registry) == .rx {
            do {
                let receipt = try remote(registry).publish(manifest, as: target, from: store)
                for file in manifest.files { meter.sent(file.size) }
                return receipt
            } catch let error as RegistryError where error.isOfAnotherInterface {
                // It had these calls once, and has them no more.
                faces.note(.distribution, for: registry)
            }
        }
        let source = record.reference
        let origin = LocalOrigin(store: store, registry: source.registry, repository: source.repository)
        guard let stored = try origin.artifact(.digest(.sha256(record.manifestDigest))) else {
            throw RegistryError.notFound(source.description)
        }
        let read = try ReadManifest(stored, of: "\(source)")
        try send(read, from: origin, to: target, at: registry, referrers: false, meter)
        return PublishReceipt(locator: target, digest: record.tree, manifestDigest: record.manifestDigest)
    }

    /// Sends an artifact with all that belongs to it through `/v2/`; gives the number of its manifests. Throws `RegistryError` when the
    /// name is none for the registry.
    @discardableResult
    func send(
        _ read: ReadManifest, from origin: some ArtifactOrigin, to target: Locator, at registry: RegistryURL, referrers: Bool,
        _ meter: TransferMeter
    ) throws -> Int {
        let repository = try writableRepository(target, at: registry)
        let client = distribution(registry)
        let sender = ArtifactSender(
            client: client, repository: repository, progress: progress, meter: meter, calls: transferCalls(registry))
        let set = try ArtifactSet(read, from: origin, referrers: referrers)
        if PackedResource.isNeeded(manifestBytes: read.stored.bytes.count), try face(of: registry) == .distribution,
            case .resource(let manifest) = try ArtifactKind(read)
        {
            try sendPacked(manifest, read, from: origin, by: sender, as: target.tag)
            return 1
        }
        try sender.send(set, from: origin, as: .tag(target.tag))
        return set.all.count
    }

    private func sendPacked(
        _ manifest: ResourceManifest, _ read: ReadManifest, from origin: some ArtifactOrigin, by sender: ArtifactSender, as tag: String
    ) throws {
        // What stands for this manifest already need not be packed again to learn that it is the same.
        if let present = try sender.client.manifest(sender.repository, .tag(tag)),
            let known = try? PackedResource(ArtifactManifest(parsing: present.bytes, mediaType: present.mediaType)),
            known.manifest == read.stored.digest, manifest.digest == read.stored.digest
        {
            return
        }
        progress.expect(phases: 2)
        progress.begin("packing", total: manifest.size)
        defer { progress.end() }
        let descriptors = Dictionary(read.manifest.layers.map { ($0.digest, $0) }) { first, _ in first }
        let packed = try PackedOrigin(manifest, digest: manifest.digest, in: "\(home)/cache") { digest in
            guard let layer = descriptors[.sha256(digest)] else { throw RegistryError.blobNotFound(digest) }
            return VerifyingSource(MeteredSource(try origin.open(layer), progress), digest: digest, size: layer.size)
        }
        try sender.send(packed.set, from: packed, as: .tag(tag))
    }

    /// The repository of a locator, when a registry takes it. Throws `RegistryError` that says why it does not.
    private func writableRepository(_ locator: Locator, at registry: RegistryURL) throws -> String {
        let repository = locator.repository
        guard DistributionClient.isPortable(repository) else {
            // An rx registry takes a resource of such a name by its own call alone, and this is something else.
            let isForAll = try face(of: registry) == .rx
            throw RegistryError(
                "\(registry) does not take \(isForAll ? "this under " : "")the name \(repository): "
                    + "an OCI registry takes lower-case letters, digits and single . _ - between them", code: .nameInvalid,
                hint: "copy it under another name (rx copy \(locator) \(repository.portable)) and push that"
                    + (isForAll ? "" : ", or push to an rx registry"))
        }
        return repository
    }
}

extension ResourceRecord {
    /// Whether the definition gives no other name than the one that it is stored under: only then a publish makes this very manifest again.
    fileprivate var isNamedBySelf: Bool {
        let locator = reference.locator
        return definition.name == locator.name && (definition.path ?? locator.path) == locator.path
            && (definition.tag ?? locator.tag) == locator.tag
    }
}

extension String {
    /// A name like this one that every registry takes.
    fileprivate var portable: String {
        let parts = lowercased().utf8.split(separator: UInt8(ascii: "/")).map { part in
            let runs = part.split { !(UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 || UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0) }
            return runs.map { String(Substring($0)) }.joined(separator: "-")
        }
        let name = parts.filter { !$0.isEmpty }.joined(separator: "/")
        return name.isEmpty ? "another-name" : name
    }
}
