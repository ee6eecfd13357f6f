import RxCrypto
import RxModel
public import RxStore
import Testing

/// What every store promises to OCI clients, one group of promises a function; each implementation's suite runs all of them.
public struct ArtifactContract<S: Store> {
    let make: () throws -> S

    /// Checks stores that `make` gives; each check takes a new one.
    public init(_ make: @escaping () throws -> S) { self.make = make }

    /// Runs every check.
    public func check() throws {
        try uploads()
        try visibility()
        try manifests()
        try indexes()
        try listings()
        try referrers()
        try removals()
        try collections()
        try rulesForUntagged()
        try lateSubjects()
        try circles()
        try longManifests()
        try otherDigests()
        try sparse()
        try records()
        try kept()
        try large()
    }

    private static var config: [UInt8] { ResourceManifest.emptyConfig }
    private static var configDigest: Digest { ResourceManifest.emptyConfigDigest }

    /// Uploads some bytes to a repository.
    @discardableResult
    func push(_ text: String, to repository: String, in store: S) throws -> ContentDigest {
        let bytes = Array(text.utf8)
        let digest = ContentDigest.sha256(sha256(bytes))
        let upload = try store.beginUpload(in: repository)
        try bytes.withUnsafeBytes { try upload.append($0) }
        #expect(try upload.finish(as: digest) == StagedBlob(digest: sha256(bytes), size: bytes.count))
        return digest
    }

    /// An image manifest with the empty config, these layers, and more members.
    func image(_ layers: [String], _ more: [String: JSON] = [:]) -> [UInt8] {
        func descriptor(_ text: String, _ type: String) -> JSON {
            let digest = sha256(Array(text.utf8)).description
            return .members(["mediaType": .string(type), "digest": .string(digest), "size": .integer(text.utf8.count)])
        }
        var members: [String: JSON] = [
            "schemaVersion": 2, "mediaType": .string(MediaType.imageManifest), "config": descriptor("{}", "a/config"),
            "layers": .array(layers.map { descriptor($0, "a/layer") }),
        ]
        members.merge(more) { $1 }
        return JSON.object(members).canonical
    }

    func index(_ manifests: [[UInt8]], _ more: [String: JSON] = [:]) -> [UInt8] {
        let list = manifests.map { bytes in
            JSON.members([
                "mediaType": .string(MediaType.imageManifest), "digest": .string(sha256(bytes).description), "size": .integer(bytes.count),
            ])
        }
        let members: [String: JSON] = ["schemaVersion": 2, "mediaType": .string(MediaType.imageIndex), "manifests": .array(list)]
        return JSON.object(members.merging(more) { $1 }).canonical
    }

    @discardableResult
    func put(_ bytes: [UInt8], _ tags: String..., to repository: String = "r", in store: S, sparse: Bool = false) throws -> Artifact {
        let artifact = try Artifact(parsing: bytes, mediaType: nil, repository: repository)
        let name = tags.isEmpty ? ContentDigest.sha256(artifact.digest) : nil
        try store.put(artifact, in: repository, tags: tags, name: name, sparse: sparse)
        return artifact
    }

    func has(_ artifact: Artifact, _ repository: String = "r", in store: S) throws -> Bool {
        try store.artifact(registry: "", repository: repository, name: .digest(.sha256(artifact.digest))) != nil
    }

    func uploads() throws {
        let store = try make()
        let name: String
        do {
            let upload = try store.beginUpload(in: "r")
            try upload.keep()
            name = upload.name
            #expect(throws: RegistryError.self, "one request at a time") { _ = try store.upload(name, in: "r") }
            try [UInt8]("ab".utf8).withUnsafeBytes { try upload.append($0) }
        }
        #expect(try store.upload(name, in: "other") == nil, "an upload is its repository's")
        #expect(try store.upload("../\(name)", in: "r") == nil)
        #expect(try store.received(name, in: "r") == 2 && store.received(name, in: "other") == nil)
        let upload = try #require(try store.upload(name, in: "r"))
        #expect(upload.offset == 2)
        try [UInt8]("c".utf8).withUnsafeBytes { try upload.append($0) }
        let digest = ContentDigest.sha256(sha256(Array("abc".utf8)))
        #expect(try upload.finish(as: digest).size == 3)
        #expect(try store.upload(name, in: "r") == nil, "it is over")
        #expect(try store.blob(digest, in: "r", leasing: false)?.size == 3)
        #expect(try text(digest.sha256!, in: store) == "abc")

        let wrong = try store.beginUpload(in: "r")
        try wrong.keep()
        try [UInt8]("x".utf8).withUnsafeBytes { try wrong.append($0) }
        #expect(throws: ContentError.self) { try wrong.finish(as: digest) }
        #expect(try store.upload(wrong.name, in: "r") == nil, "and nothing is stored")
        #expect(throws: RegistryError.self) { try store.size(of: sha256(Array("x".utf8))) }

        let cancelled = try store.beginUpload(in: "r")
        try cancelled.keep()
        try cancelled.cancel()
        #expect(try store.received(cancelled.name, in: "r") == nil)
    }

    func visibility() throws {
        let store = try make()
        let blob = try push("layer", to: "a", in: store)
        #expect(try store.blob(blob, in: "a", leasing: true) != nil && store.blob(blob, in: "b", leasing: true) == nil)
        #expect(try !store.mount(blob, from: "b", into: "c"), "what a repository does not show cannot be taken from it")
        #expect(try store.mount(blob, from: "a", into: "b") && store.blob(blob, in: "b", leasing: false) != nil)
        #expect(try store.mount(blob, from: nil, into: "c"))
        #expect(try !store.mount(.sha256(sha256([9])), from: nil, into: "c"))
        #expect(try store.removeBlob(blob, from: "a") && store.blob(blob, in: "a", leasing: false) == nil)
        #expect(try !store.removeBlob(blob, from: "a") && store.blob(blob, in: "b", leasing: false) != nil)
        try push("{}", to: "b", in: store)
        let artifact = try put(image(["layer"]), "1", to: "b", in: store)
        let error = #expect(throws: RegistryError.self) { try store.removeBlob(blob, from: "b") }
        #expect(error?.code == .unsupported)
        #expect(try store.removeArtifact(repository: "b", name: .digest(.sha256(artifact.digest)), sparse: false))
        #expect(try store.removeBlob(blob, from: "b"))
    }

    func manifests() throws {
        let store = try make()
        let bytes = image(["layer"], ["unknown": .array([1, "x"])]) + Array("\n".utf8)
        let missing = #expect(throws: MissingContentError.self) { try put(bytes, "1", in: store) }
        #expect(missing?.digests.count == 2)
        try push("{}", to: "r", in: store)
        try push("layer", to: "other", in: store)
        #expect(throws: MissingContentError.self, "a blob known elsewhere is not here") { try put(bytes, "1", in: store) }
        #expect(try store.tags(registry: "", repository: "r", after: nil, limit: 9) == [], "nothing of it is visible")
        try push("layer", to: "r", in: store)
        let artifact = try put(bytes, "1", "2", in: store)
        for name in [ArtifactName.tag("1"), .tag("2"), .tag("latest"), .digest(.sha256(artifact.digest))] {
            let found = try #require(try store.artifact(registry: "", repository: "r", name: name))
            #expect(found.bytes == bytes && found.mediaType == MediaType.imageManifest && found.digest == sha256(bytes))
        }
        #expect(try store.artifact(registry: "", repository: "other", name: .tag("1")) == nil)
        let sized = image([]).map { $0 == UInt8(ascii: "2") ? UInt8(ascii: "2") : $0 }
        let wrong = String(decoding: sized, as: UTF8.self).replacing("\"size\":2", with: "\"size\":3")
        let error = #expect(throws: RegistryError.self) { try put(Array(wrong.utf8), "3", in: store) }
        #expect(error?.code == .sizeInvalid)
    }

    func indexes() throws {
        let store = try make()
        try push("{}", to: "r", in: store)
        let child = image([], ["annotations": .object(["n": "child"])])
        #expect(throws: MissingContentError.self) { try put(index([child]), "i", in: store) }
        try put(index([child]), "sparse", in: store, sparse: true)
        let own = try put(child, in: store)
        let list = try put(index([child]), "i", in: store)
        #expect(try put(index([index([child])]), "nested", in: store).manifests.count == 1)
        #expect(try put(index([]), "empty", in: store).manifests.isEmpty)
        let blob = try push("listed", to: "r", in: store)
        try put(index([Array("listed".utf8)]), "blobs", in: store)
        #expect(try store.collect(dryRun: false, leaseTime: 0).blobs == 0)
        #expect(try store.blob(blob, in: "r", leasing: false)?.size == 6, "an index keeps a blob that it lists")
        let error = #expect(throws: RegistryError.self) {
            try store.removeArtifact(repository: "r", name: .digest(.sha256(own.digest)), sparse: false)
        }
        #expect(error?.code == .unsupported)
        #expect(try store.removeArtifact(repository: "r", name: .digest(.sha256(own.digest)), sparse: true))
        #expect(try has(list, in: store))
    }

    func listings() throws {
        let store = try make()
        #expect(try store.tags(registry: "", repository: "r", after: nil, limit: 9) == nil)
        try push("{}", to: "r", in: store)
        try put(image([]), "b", "a", "B", "1", in: store)
        #expect(try store.tags(registry: "", repository: "r", after: nil, limit: 9) == ["1", "B", "a", "b"])
        #expect(try store.tags(registry: "", repository: "r", after: "B", limit: 1) == ["a"])
        #expect(try store.tags(registry: "", repository: "r", after: "Z", limit: 9) == ["a", "b"])
        #expect(try store.tags(registry: "", repository: "r", after: nil, limit: 0) == [])
        for name in ["z", "a/b", "a"] {
            try push("{}", to: name, in: store)
            try put(image([]), "1", to: name, in: store)
        }
        #expect(try store.repositories(registry: "", after: nil, limit: 9) == ["a", "a/b", "r", "z"])
        #expect(try store.repositories(registry: "", after: "a", limit: 2) == ["a/b", "r"])
    }

    func referrers() throws {
        let store = try make()
        try push("{}", to: "r", in: store)
        let subject = image([])
        let digest = sha256(subject)
        let more: [String: JSON] = [
            "subject": .members(["mediaType": "a/b", "digest": .string(digest.description), "size": .integer(subject.count)]),
            "artifactType": "a/signature", "annotations": .object(["k": "v"]),
        ]
        let signature = try put(image([], more), in: store)
        let found = try store.referrers(registry: "", repository: "r", of: .sha256(digest))
        #expect(found.map(\.digest) == [.sha256(signature.digest)] && found.first?.artifactType == "a/signature")
        #expect(found.first?.annotations == ["k": "v"] && found.first?.size == signature.bytes.count)
        #expect(try store.referrers(registry: "", repository: "other", of: .sha256(digest)).isEmpty)
    }

    func removals() throws {
        let store = try make()
        try push("{}", to: "r", in: store)
        let artifact = try put(image([]), "1", "2", in: store)
        #expect(try store.removeArtifact(repository: "r", name: .tag("1"), sparse: false))
        #expect(try !store.removeArtifact(repository: "r", name: .tag("1"), sparse: false))
        #expect(try !store.removeArtifact(repository: "r", name: .tag("latest"), sparse: false), "latest is no tag here")
        #expect(try has(artifact, in: store))
        #expect(try store.removeArtifact(repository: "r", name: .digest(.sha256(artifact.digest)), sparse: false))
        #expect(try store.tags(registry: "", repository: "r", after: nil, limit: 9) == [])
        #expect(try store.search(SearchQuery()).total == 0)
    }

    func collections() throws {
        let store = try make()
        try push("{}", to: "r", in: store)
        try push("layer", to: "r", in: store)
        let subject = try put(image(["layer"]), "1", in: store)
        let refers: [String: JSON] = ["subject": .members(["mediaType": "a", "digest": .string(subject.digest.description), "size": 1])]
        let signature = try put(image([], refers), in: store)
        let child = try put(image([], ["annotations": .object(["n": "child"])]), in: store)
        let list = try put(index([child.bytes]), "list", in: store)
        let byDigest = try put(image([], ["annotations": .object(["n": "digest"])]), in: store)
        #expect(try store.collect(dryRun: false, leaseTime: 0).deleted == CollectionReport().deleted)
        for each in [subject, signature, child, list, byDigest] { #expect(try has(each, in: store)) }
        // A tag that moves and one that goes leave what hung on their manifests.
        try put(byDigest.bytes, "1", in: store)
        #expect(try store.removeArtifact(repository: "r", name: .tag("list"), sparse: false))
        var expected = CollectionReport(blobs: 1, bytes: 5, manifests: 4)
        expected.referrers = 1
        #expect(try store.collect(dryRun: true, leaseTime: 0).deleted == expected.deleted)
        #expect(try store.collect(dryRun: false, leaseTime: 0).deleted == expected.deleted)
        #expect(try store.collect(dryRun: false, leaseTime: 0).deleted == CollectionReport().deleted)
        #expect(try has(byDigest, in: store))
        // Tagged once, it goes with its tag.
        #expect(try store.removeArtifact(repository: "r", name: .tag("1"), sparse: false))
        #expect(try store.collect(dryRun: false, leaseTime: 0).manifests == 1)
    }

    func otherDigests() throws {
        let store = try make()
        try push("{}", to: "r", in: store)
        let bytes = Array("long".utf8)
        let hasher = SHA512Hasher()
        bytes.withUnsafeBytes { hasher.update($0) }
        let long = hasher.finish()
        let upload = try store.beginUpload(in: "r")
        try bytes.withUnsafeBytes { try upload.append($0) }
        #expect(try upload.finish(as: long).digest == sha256(bytes))
        #expect(try store.blob(long, in: "r", leasing: false) == store.blob(.sha256(sha256(bytes)), in: "r", leasing: false))
        let layer: JSON = .members(["mediaType": "a/b", "digest": .string(long.description), "size": 4])
        let artifact = try put(image([], ["layers": .array([layer])]), "1", in: store)
        #expect(try store.collect(dryRun: false, leaseTime: 0).deleted == CollectionReport().deleted)
        #expect(try store.blob(long, in: "r", leasing: false)?.size == 4)
        let manifest = SHA512Hasher()
        artifact.bytes.withUnsafeBytes { manifest.update($0) }
        let name = manifest.finish()
        try store.put(artifact, in: "r", tags: [], name: name, sparse: false)
        let found = try #require(try store.artifact(registry: "", repository: "r", name: .digest(name)))
        #expect(found.digest == artifact.digest && found.name == name)
        try othersNames(artifact, name, in: store)
        let inlined: JSON = .members([
            "mediaType": "a/b", "digest": .string(sha256(Array("in".utf8)).description), "size": 2,
            "data": .string(Base64.encode(Array("in".utf8))),
        ])
        let absent: JSON = .members(["mediaType": "a/b", "digest": .string(sha256(Array("absent".utf8)).description), "size": 6])
        #expect(throws: MissingContentError.self) { try put(image([], ["layers": .array([inlined, absent])]), "2", in: store) }
        #expect(
            try store.blob(.sha256(sha256(Array("in".utf8))), in: "r", leasing: false) == nil, "a put that is refused leaves nothing")
        try put(image([], ["layers": .array([inlined])]), "2", in: store)
        #expect(try text(sha256(Array("in".utf8)), in: store) == "in")
    }

    /// A manifest's other name stays good while a repository holds it or holds what refers to it.
    private func othersNames(_ artifact: Artifact, _ name: ContentDigest, in store: S) throws {
        for text in ["{}", "long"] { try push(text, to: "second", in: store) }
        try store.put(artifact, in: "second", tags: ["1"], name: name, sparse: false)
        let subject: JSON = .members(["mediaType": "a/b", "digest": .string(name.description), "size": .integer(artifact.bytes.count)])
        try put(image([], ["subject": subject]), "signature", to: "second", in: store)
        #expect(try store.removeArtifact(repository: "r", name: .digest(name), sparse: false))
        _ = try store.collect(dryRun: false, leaseTime: 0)
        #expect(try store.artifact(registry: "", repository: "r", name: .digest(name)) == nil)
        #expect(try store.artifact(registry: "", repository: "second", name: .digest(name))?.digest == artifact.digest)
        #expect(try store.removeArtifact(repository: "second", name: .digest(name), sparse: false))
        #expect(try store.referrers(registry: "", repository: "second", of: name).count == 1)
        try push("{}", to: "r", in: store)
    }

    /// A sparse index may name what its repository does not have; that shows it nothing of others.
    func sparse() throws {
        let store = try make()
        try push("secret", to: "private", in: store)
        let bytes = index([Array("secret".utf8)])
        try put(bytes, "1", in: store, sparse: true)
        #expect(try store.blob(.sha256(sha256(Array("secret".utf8))), in: "r", leasing: false) == nil)
    }

    func records() throws {
        let store = try make()
        try push("{}", to: "my.host/tools/image", in: store)
        try push("layer", to: "my.host/tools/image", in: store)
        let child = try put(image(["layer"], ["artifactType": "a/own.type"]), to: "my.host/tools/image", in: store)
        try put(index([child.bytes]), "1", to: "my.host/tools/image", in: store)
        try put(child.bytes, "2", to: "my.host/tools/image", in: store)
        let record = try #require(try store.resolve(registry: "", repository: "my.host/tools/image", selector: .tag("2")))
        #expect(!record.isResource && record.definition.type == "oci" && record.artifactType == "a/own.type")
        #expect(record.tree == child.digest && record.fileCount == 1)
        let layer = sha256(Array("layer".utf8))
        #expect(try store.manifest(of: record).files.map(\.path.text) == ["sha256-\(layer.hex)"])
        let list = try #require(try store.resolve(registry: "", repository: "my.host/tools/image", selector: .tag("1")))
        #expect(try store.manifest(of: list).files.map(\.path.text) == ["sha256-\(child.digest.hex)/sha256-\(layer.hex)"])
        #expect(try store.search(SearchQuery(text: "oci own.type tools")).records.map(\.reference.tag) == ["2"])
        // A resource is a resource by whichever way it came.
        let resource = try RxTesting.put(["content": "hello"], try definition("plain"), in: store)
        let stored = try #require(try store.artifact(registry: "", repository: "plain", name: .tag("latest")))
        try push("hello", to: "copy", in: store)
        try push("{}", to: "copy", in: store)
        let copied = try put(stored.bytes, "1", to: "copy", in: store)
        #expect(copied.tree == resource.tree)
        #expect(try store.resolve(registry: "", repository: "copy", selector: .digest(resource.tree))?.isResource == true)
    }

    func kept() throws {
        let store = try make()
        let operation = try store.begin()
        for text in ["{}", "layer"] { _ = try operation.stage(BytesSource(Array(text.utf8)), expecting: nil) }
        let child = try Artifact(parsing: image(["layer"]), mediaType: nil, repository: "r")
        let list = try Artifact(parsing: index([child.bytes]), mediaType: nil, repository: "r")
        let record = try operation.commit([child, list], as: Reference(registry: "h:1", repository: "r", tag: "1"), names: [:])
        #expect(record.manifestDigest == list.digest && record.reference.registry == "h:1")
        #expect(try store.artifact(registry: "h:1", repository: "r", name: .digest(.sha256(child.digest))) != nil)
        #expect(try store.collect(dryRun: false, leaseTime: 0).deleted == CollectionReport().deleted)
        #expect(try store.removeCached(registry: "h:1").removed == 1)
        #expect(try store.collect(dryRun: false, leaseTime: 0).manifests == 2)
    }
}
