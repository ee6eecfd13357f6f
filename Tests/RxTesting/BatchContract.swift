import RxCrypto
import RxModel
public import RxStore
import Testing

/// What every store promises to those who put many blobs into a repository; each implementation's suite runs all of it.
public struct BatchContract<S: Store> {
    let make: () throws -> S

    /// Checks stores that `make` gives; each check takes a new one.
    public init(_ make: @escaping () throws -> S) { self.make = make }

    /// Runs every check.
    public func check() throws {
        try published()
        try dropped()
        try otherLeases()
        try lookedUp()
        try many()
        try committed()
    }

    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
    private func digest(_ text: String) -> Digest { sha256(bytes(text)) }

    private func isShown(_ text: String, in repository: String, _ store: S) throws -> Bool {
        let sizes = try store.sizes(of: [digest(text)], in: repository)
        let blob = try store.blob(.sha256(digest(text)), in: repository, leasing: false)
        #expect(sizes[digest(text)] == blob?.size, "both ways to ask agree")
        return blob != nil
    }

    /// What was published is shown and stays, though the batch was cancelled.
    private func published() throws {
        let store = try make()
        let batch = try store.begin(in: "a/b")
        for text in ["one", "two", "one"] {
            #expect(try batch.stage(BytesSource(bytes(text)), expecting: digest(text)) == StagedBlob(digest: digest(text), size: 3))
        }
        #expect(try !isShown("one", in: "a/b", store), "not before it is published")
        try batch.publish()
        #expect(try isShown("one", in: "a/b", store) && isShown("two", in: "a/b", store))
        #expect(try !isShown("one", in: "a", store) && !isShown("one", in: "a/bc", store))
        _ = try batch.stage(BytesSource(bytes("three")), expecting: nil)
        try batch.publish()
        batch.cancel()
        #expect(try store.collect(dryRun: false, leaseTime: nil).blobs == 0)
        for text in ["one", "two", "three"] { #expect(try isShown(text, in: "a/b", store)) }
        #expect(try store.collect(dryRun: false, leaseTime: 0).blobs == 3, "leases alone keep them")
        #expect(try !isShown("one", in: "a/b", store))
    }

    /// What was staged and not published is gone, and so is what has another digest.
    private func dropped() throws {
        let store = try make()
        do {
            let batch = try store.begin(in: "a")
            _ = try batch.stage(BytesSource(bytes("one")), expecting: nil)
            let error = #expect(throws: ContentError.self) { try batch.stage(BytesSource(bytes("two")), expecting: digest("one")) }
            #expect(error?.code == .digestInvalid)
            try batch.publish()
            _ = try batch.stage(BytesSource(bytes("three")), expecting: nil)
        }
        #expect(try isShown("one", in: "a", store))
        #expect(try !isShown("two", in: "a", store) && !isShown("three", in: "a", store))
        let empty = try store.begin(in: "a")
        try empty.publish()
        empty.cancel()
        empty.cancel()
        #expect(try isShown("one", in: "a", store))
    }

    /// A batch ends no lease but its own operation's: the repository's others stay.
    private func otherLeases() throws {
        let store = try make()
        let first = try store.begin(in: "a")
        _ = try first.stage(BytesSource(bytes("one")), expecting: nil)
        try first.publish()
        let second = try store.begin(in: "a")
        _ = try second.stage(BytesSource(bytes("two")), expecting: nil)
        try second.publish()
        second.cancel()
        first.cancel()
        #expect(try store.collect(dryRun: false, leaseTime: nil).blobs == 0)
        #expect(try isShown("one", in: "a", store) && isShown("two", in: "a", store))
    }

    /// A look-up finds what any repository shows, and nothing that is only an operation's or a copy's.
    private func lookedUp() throws {
        let store = try make()
        let batch = try store.begin(in: "source")
        _ = try batch.stage(BytesSource(bytes("one")), expecting: nil)
        try batch.publish()
        let operation = try store.begin()
        _ = try operation.stage(BytesSource(bytes("hidden")), expecting: nil)
        try operation.publish()
        let copied = try store.begin()
        let blob = try copied.stage(BytesSource(bytes("copied")), expecting: nil)
        let file = ResourceFile(path: try FilePath(parsing: "f"), digest: blob.digest, size: blob.size)
        let copy = try ResourceManifest(definition: definition("copy"), files: [file])
        _ = try copied.commit(copy, as: Reference(registry: "elsewhere.example", repository: "copy", tag: "1"))
        let own = try store.begin()
        let named = try own.stage(BytesSource(bytes("named")), expecting: nil)
        let other = ResourceFile(path: try FilePath(parsing: "f"), digest: named.digest, size: named.size)
        _ = try own.commit(ResourceManifest(definition: definition("own"), files: [other]), as: Reference(repository: "own", tag: "1"))

        let target = try store.begin(in: "target")
        let asked = [digest("one"): 3, digest("hidden"): 6, digest("copied"): 6, digest("named"): 5, digest("absent"): 6]
        #expect(try target.lease(asked) == [digest("one"), digest("named")])
        #expect(try target.lease([digest("one"): 4]) == [], "another length")
        #expect(try target.lease([:]) == [])
        target.cancel()
        #expect(try isShown("one", in: "target", store) && isShown("named", in: "target", store))
        #expect(try !isShown("hidden", in: "target", store) && !isShown("copied", in: "target", store))
        _ = try store.remove(registry: "", repository: "own", selector: .tag("1"))
        _ = try store.collect(dryRun: false, leaseTime: nil)
        #expect(try isShown("named", in: "target", store), "the lease keeps what no manifest names any more")
    }

    /// More than one transaction takes.
    private func many() throws {
        let store = try make()
        let texts = (0..<2500).map { "blob \($0)" }
        let batch = try store.begin(in: "a")
        for text in texts { _ = try batch.stage(BytesSource(bytes(text)), expecting: digest(text)) }
        try batch.publish()
        let asked = Dictionary(uniqueKeysWithValues: texts.map { (digest($0), $0.utf8.count) })
        #expect(try store.begin(in: "b").lease(asked).count == texts.count)
        #expect(try store.sizes(of: Array(asked.keys) + [digest("absent")], in: "b") == asked)
    }

    /// A manifest that names many of them becomes visible, and not when one is gone.
    private func committed() throws {
        let store = try make()
        let texts = (0..<300).map { "layer \($0)" } + ["{}"]
        let batch = try store.begin(in: "a")
        for text in texts { _ = try batch.stage(BytesSource(bytes(text)), expecting: nil) }
        try batch.publish()
        func descriptor(_ text: String) -> JSON {
            .members(["mediaType": "a/b", "digest": .string(digest(text).description), "size": .integer(text.utf8.count)])
        }
        func image(_ layers: [String]) throws -> Artifact {
            let json = JSON.members([
                "schemaVersion": 2, "mediaType": .string(MediaType.imageManifest), "config": descriptor("{}"),
                "layers": .array(layers.map(descriptor)),
            ])
            return try Artifact(parsing: json.canonical, mediaType: nil, repository: "a")
        }
        let whole = try image(texts + texts)
        try store.put(whole, in: "a", tags: ["1"], name: nil, sparse: false)
        #expect(try store.artifact(registry: "", repository: "a", name: .tag("1"))?.bytes == whole.bytes)
        let lacking = try image(["absent"] + texts)
        let error = #expect(throws: MissingContentError.self) { try store.put(lacking, in: "a", tags: ["2"], name: nil, sparse: false) }
        #expect(error?.digests == [.sha256(digest("absent"))])
        #expect(try store.artifact(registry: "", repository: "a", name: .tag("2")) == nil)
        #expect(throws: MissingContentError.self) { try store.put(whole, in: "b", tags: ["1"], name: nil, sparse: false) }
    }
}
