import RxArchive
import RxCrypto
import RxHTTP
import RxModel
import RxPosix
import RxProtocol
import RxStore

/// `POST /api/v1/publish`: takes a resource, wholly or not at all.
struct PublishEndpoint: Endpoint {
    let methods = ["POST"]
    func react(_ call: Call, _ context: ServerContext) throws -> Reaction {
        .receive(
            try PublishUpload(
                contentType: call.request.headers["Content-Type"], spoolDirectory: context.spoolDirectory,
                definitionLimit: context.configuration.maxDefinitionBytes, failed: { context.failure($0, call) },
                complete: { parts in
                    do { return try publish(parts, context) } catch { return context.failure(error, call) }
                }))
    }

    private func publish(_ parts: PublishUpload.Parts, _ context: ServerContext) throws -> HTTPResponse {
        guard let text = parts.locator, !text.isEmpty else {
            throw RegistryError("the part \"locator\" is required, as text", code: .locatorRequired)
        }
        guard let manifest = parts.manifest else {
            throw RegistryError("the part \"manifest\" is required, as a file", code: .manifestRequired)
        }
        guard let content = parts.content else {
            throw RegistryError("the part \"content\" is required, as a file", code: .contentRequired)
        }
        guard let written = String(validating: text, as: UTF8.self) else {
            throw LocatorError("Invalid characters detected", locator: String(decoding: text, as: UTF8.self))
        }
        let locator = try Locator(parsing: written)
        let selector = try Selector(locator)
        let definition = try Definition(parsing: manifest)
        try PublishEndpoint.check(definition, agreesWith: locator)

        let operation = try context.store.begin()
        defer { operation.cancel() }
        let files = try PublishEndpoint.unpack(content, into: operation, context)
        let resource = try ResourceManifest(definition: definition, files: files)
        if case .digest(let pinned) = selector, pinned != resource.tree, pinned != resource.digest {
            throw ContentError.mismatch(expected: pinned, got: resource.tree)
        }
        try context.workers.check()
        let record = try PublishEndpoint.commit(resource, to: operation, as: Reference(repository: locator.repository, tag: locator.tag))
        let receipt = PublishReceipt(locator: record.reference.locator, digest: record.tree, manifestDigest: record.manifestDigest)
        return .json(201, receipt.json, headers: ["Location": Route.resource(receipt.locator)])
    }

    /// A blob that goes between staging and commit was taken by a collection that ran far beyond the lease, or by hand: the same
    /// publish works when it is sent again.
    private static func commit(_ resource: ResourceManifest, to operation: any StoreOperation, as reference: Reference) throws
        -> ResourceRecord
    {
        do { return try operation.commit(resource, as: reference) } catch let error as any ResourceError where error.code == .blobUnknown {
            throw RegistryError(
                "the store lost a part of the content while it was published", code: .overloaded, hint: "publish again", cause: error)
        }
    }

    /// What the definition leaves out comes from the locator; what it has must be the same.
    private static func check(_ definition: Definition, agreesWith locator: Locator) throws(DefinitionError) {
        func compare(_ field: String, _ own: String?, _ other: String?) throws(DefinitionError) {
            guard let own, own.composed != other?.composed else { return }
            throw DefinitionError("the manifest's \(field) \"\(own)\" is not the locator's \"\(other ?? "")\"", field: field)
        }
        try compare("name", definition.name, locator.name)
        try compare("path", definition.path, locator.path)
        try compare("tag", definition.tag, locator.tag)
    }

    private static func unpack(_ content: FileDescriptor, into operation: any StoreOperation, _ context: ServerContext) throws
        -> [ResourceFile]
    {
        try content.rewind()
        let limits = ArchiveLimits(
            maxEntries: context.configuration.maxEntries, maxUnpackedBytes: context.configuration.maxUnpackedBytes)
        do {
            return try readArchive(CancellableSource(FileSource(content), context.workers), limits: limits) { source in
                let blob = try operation.stage(CancellableSource(source, context.workers), expecting: nil)
                return (blob.digest, blob.size)
            }
        } catch let error as ContentError where error.code.status >= 500 {
            // Whatever is wrong with an archive is its sender's to mend.
            throw ContentError(error.message, hint: error.hint)
        }
    }
}
