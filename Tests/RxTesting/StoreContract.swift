public import RxModel
public import RxStore
import RxCrypto
import Testing

/// Puts one resource of text files into a store.
@discardableResult
public func put(_ files: [String: String], _ definition: Definition, in store: some Store, registry: String = "", tag: String? = nil) throws
    -> ResourceRecord
{
    let operation = try store.begin()
    for content in files.values { _ = try operation.stage(BytesSource(Array(content.utf8)), expecting: nil) }
    let manifest = try ResourceManifest(definition: definition, files: try files.map { try file($0.key, $0.value) })
    let locator = definition.locator
    return try operation.commit(manifest, as: Reference(registry: registry, repository: locator.repository, tag: tag ?? locator.tag))
}

/// The text of a stored blob.
public func text(_ digest: Digest, in store: some Store) throws -> String {
    String(decoding: try store.open(digest).readAll(), as: UTF8.self)
}

/// What every store promises, one group of promises a function; each implementation's suite runs all of them.
public struct StoreContract<S: Store> {
    let make: () throws -> S

    /// Checks stores that `make` gives; each check takes a new one.
    public init(_ make: @escaping () throws -> S) { self.make = make }

    /// Runs every check.
    public func check() throws {
        try blobs()
        try leases()
        try commits()
        try tags()
        try searches()
        try removals()
        try collections()
        try verifies()
        try holds()
        try versions()
        try salvages()
        try partials()
    }

    func blobs() throws {
        let store = try make()
        let digest = sha256([1, 2])
        #expect(throws: RegistryError.self) { try store.size(of: digest) }
        #expect(throws: RegistryError.self) { try store.open(digest) }
        let operation = try store.begin()
        for _ in 0..<2 {
            #expect(try operation.stage(BytesSource([1, 2]), expecting: digest) == StagedBlob(digest: digest, size: 2))
            try operation.publish()
        }
        #expect(try store.size(of: digest) == 2)
        #expect(try store.open(digest).readAll() == [1, 2])
        let mismatch = #expect(throws: ContentError.self) { try operation.stage(BytesSource([3]), expecting: digest) }
        #expect(mismatch?.message == "Content integrity check failed: expected \(digest), got \(sha256([3]))")
        try operation.publish()
        #expect(throws: RegistryError.self) { try store.size(of: sha256([3])) }
        let missing = #expect(throws: RegistryError.self) { try store.size(of: sha256([9])) }
        #expect(missing?.message == "Blob not found: \(sha256([9]))")
        let empty = try operation.stage(BytesSource([]), expecting: nil)
        try operation.publish()
        #expect(try store.open(empty.digest).readAll().isEmpty)
    }

    func salvages() throws {
        let store = try make()
        let first = try store.begin()
        let blob = try first.stage(BytesSource([7]), expecting: nil)
        let second = try store.begin()
        #expect(try second.salvage([blob.digest: 1]).isEmpty, "what a living operation staged is its own")
        #expect(try second.salvage([:]).isEmpty)
        #expect(try second.leaseOrSalvage([blob.digest: 1]).isEmpty)
        try first.publish()
        #expect(try second.leaseOrSalvage([blob.digest: 1, sha256([8]): 1]) == [blob.digest])
    }

    func partials() throws {
        let store = try make()
        let bytes: [UInt8] = [1, 2, 3, 4, 5]
        let digest = sha256(bytes)
        func append(_ bytes: ArraySlice<UInt8>, _ partial: any PartialBlob) throws {
            try Array(bytes).withUnsafeBytes { try partial.append($0) }
        }
        do {
            let first = try #require(try store.begin().partial(digest, size: 5))
            #expect(first.offset == 0)
            try append(bytes[..<3], first)
            #expect(try store.begin().partial(digest, size: 5) == nil, "one has it at a time")
        }
        do {
            let wrong = try #require(try store.begin().partial(digest, size: 5))
            #expect(wrong.offset == 3, "what came is kept")
            try append([9, 9], wrong)
            #expect(throws: ContentError.self) { try append([9], wrong) }
            let mismatch = #expect(throws: ContentError.self) { try wrong.finish() }
            #expect(mismatch?.code == .digestInvalid)
            #expect(wrong.offset == 0, "what is damaged begins anew")
            try append(bytes[..<2], wrong)
        }
        let operation = try store.begin()
        do {
            let last = try #require(try operation.partial(digest, size: 5))
            #expect(last.offset == 2)
            #expect(throws: ContentError.self, "too short") { try last.finish() }
            try append(bytes[...], last)
            try last.finish()
        }
        #expect(throws: RegistryError.self, "staged is not published") { try store.size(of: digest) }
        try operation.publish()
        #expect(try store.open(digest).readAll() == bytes)
        #expect(try #require(try operation.partial(digest, size: 5)).offset == 0)
    }

    func leases() throws {
        let store = try make()
        let first = try store.begin()
        let blob = try first.stage(BytesSource([7]), expecting: nil)
        try first.publish()
        let second = try store.begin()
        #expect(try second.lease([blob.digest: 1, sha256([8]): 1]) == [blob.digest])
        #expect(try second.lease([blob.digest: 2]).isEmpty, "another length is not the same blob")
        first.cancel()
        #expect(try store.collect(dryRun: false, leaseTime: nil).blobs == 0, "the second operation still holds its lease")
        second.cancel()
        #expect(try store.collect(dryRun: true, leaseTime: nil).blobs == 1)
        #expect(try store.collect(dryRun: false, leaseTime: nil).deleted == CollectionReport(blobs: 1, bytes: 1).deleted)
        let third = try store.begin()
        _ = try third.stage(BytesSource([7]), expecting: nil)
        try third.publish()
        #expect(try store.collect(dryRun: false, leaseTime: 0).blobs == 1, "a lease time of nothing ends every lease")
    }

    func commits() throws {
        let store = try make()
        let operation = try store.begin()
        let manifest = try ResourceManifest(definition: try definition("half"), files: [try file("content", "absent")])
        #expect(throws: RegistryError.self) { try operation.commit(manifest, as: Reference(repository: "half", tag: "1")) }
        #expect(try store.resolve(registry: "", repository: "half", selector: .tag("1")) == nil, "a manifest without its blobs never shows")
        let record = try put(["content": "hello", "b/c": "x"], try definition("whole", ["description": "d"]), in: store)
        let found = try #require(try store.resolve(registry: "", repository: "whole", selector: .tag("latest")))
        #expect(found == record)
        #expect(found.size == 6 && found.fileCount == 2)
        let stored = try store.manifest(of: found)
        #expect(stored.files.map(\.path.text) == ["b/c", "content"])
        #expect(stored.digest == found.manifestDigest && stored.tree == found.tree)
        #expect(try text(stored.files[1].digest, in: store) == "hello")
        for digest in [found.tree, found.manifestDigest] {
            #expect(try store.resolve(registry: "", repository: "whole", selector: .digest(digest)) == found)
        }
        #expect(
            try store.resolve(registry: "", repository: "other", selector: .digest(found.tree)) == nil,
            "a digest is looked up in its repository")
        #expect(try store.resolve(registry: "h:1", repository: "whole", selector: .tag("latest")) == nil)
    }

    func tags() throws {
        let store = try make()
        for tag in ["2", "1", "3"] { try put(["content": tag], try definition("many", ["tag": .string(tag)]), in: store) }
        func latest() throws -> String? { try store.resolve(registry: "", repository: "many", selector: .tag("latest"))?.reference.tag }
        #expect(try latest() == "3", "latest is the tag put last")
        let first = try #require(try store.resolve(registry: "", repository: "many", selector: .tag("1")))
        let again = try put(["content": "1"], try definition("many", ["tag": "1"]), in: store)
        #expect(again.createdAt == first.createdAt && again.manifestDigest == first.manifestDigest)
        #expect(try latest() == "1")
        #expect(try store.remove(registry: "", repository: "many", selector: .tag("latest")).map(\.tag) == ["1"])
        #expect(try latest() == "3", "removing the newest moves latest to the next newest")
        try put(["content": "explicit"], try definition("many"), in: store)
        try put(["content": "4"], try definition("many", ["tag": "4"]), in: store)
        #expect(try latest() == "latest", "a tag named latest wins")
        try put(["content": "a"], try definition("same", ["path": "p1", "tag": "1"]), in: store)
        try put(["content": "b"], try definition("same", ["path": "p2", "tag": "1"]), in: store)
        let a = try #require(try store.resolve(registry: "", repository: "p1/same", selector: .tag("1")))
        let b = try #require(try store.resolve(registry: "", repository: "p2/same", selector: .tag("1")))
        #expect(a.tree != b.tree)
    }

    func searches() throws {
        let store = try make()
        try put(
            ["content": "1"],
            try definition(
                "code-review", type: "skill",
                ["path": "team", "description": "Réviews pull requests", "keywords": ["git", "quality gate"]]), in: store)
        try put(["content": "2"], try definition("notes", ["description": "Release notes"]), in: store)
        try put(["content": "3"], try definition("notes", ["description": "Release notes"]), in: store, registry: "host:1")
        func found(_ text: String, _ scope: SearchQuery.Scope = .own) throws -> [String] {
            try store.search(SearchQuery(text: text, scope: scope)).records.map(\.reference.repository).sorted()
        }
        #expect(try found("") == ["notes", "team/code-review"])
        #expect(try found("", .all).count == 3)
        #expect(try found("", .copied(from: "host:1")) == ["notes"])
        for text in ["code", "REV", "reviews", "team", "skill", "quality", "gat", "pull req", "code-review", "git review"] {
            #expect(try found(text) == ["team/code-review"], "\(text)")
        }
        for text in ["eview", "code notes", "!!!", "\"", "name:x", "NEAR(", "*", "' OR 1=1"] { #expect(try found(text).isEmpty, "\(text)") }
        let page = try store.search(SearchQuery(scope: .all, limit: 1, offset: 1))
        #expect(page.records.count == 1 && page.total == 3)
        #expect(try store.search(SearchQuery(scope: .all, limit: 0)).total == 3)
        #expect(try store.search(SearchQuery(scope: .all, limit: 5, offset: 9)).records.isEmpty)
    }

    func removals() throws {
        let store = try make()
        let record = try put(["content": "1"], try definition("gone", ["tag": "1"]), in: store)
        try put(["content": "1"], try definition("gone", ["tag": "1"]), in: store, tag: "2")
        try put(["content": "1"], try definition("gone", ["tag": "1"]), in: store, registry: "host")
        #expect(try store.remove(registry: "", repository: "gone", selector: .tag("9")).isEmpty)
        #expect(try store.remove(registry: "", repository: "gone", selector: .digest(record.tree)).map(\.tag) == ["1", "2"])
        #expect(try store.resolve(registry: "", repository: "gone", selector: .tag("latest")) == nil)
        #expect(try store.removeCached(registry: "other").removed == 0)
        #expect(try store.removeCached(registry: nil).removed == 1)
        try put(["content": "1"], try definition("own"), in: store)
        #expect(try store.removeCached(registry: "").removed == 0, "what is the store's own is not cached")
    }

    func collections() throws {
        let store = try make()
        try put(["content": "shared", "a": "only a"], try definition("a"), in: store)
        try put(["content": "shared", "b": "only b"], try definition("b"), in: store)
        #expect(try store.collect(dryRun: false, leaseTime: 0).deleted == CollectionReport().deleted)
        _ = try store.remove(registry: "", repository: "a", selector: .tag("latest"))
        let expected = CollectionReport(blobs: 1, bytes: 6, manifests: 1).deleted
        #expect(try store.collect(dryRun: true, leaseTime: nil).deleted == expected)
        #expect(try store.collect(dryRun: true, leaseTime: nil).deleted == expected, "a dry run changes nothing")
        #expect(try store.collect(dryRun: false, leaseTime: nil).deleted == expected)
        #expect(try store.collect(dryRun: false, leaseTime: nil).deleted == CollectionReport().deleted, "a second run finds nothing")
        #expect(try text(sha256(Array("shared".utf8)), in: store) == "shared")
        #expect(throws: RegistryError.self) { try store.size(of: sha256(Array("only a".utf8))) }
        try put(["content": "new"], try definition("b"), in: store)
        #expect(
            try store.collect(dryRun: false, leaseTime: nil).deleted == CollectionReport(blobs: 2, bytes: 12, manifests: 1).deleted,
            "what a tag left behind goes too")
    }

    func holds() throws {
        let store = try make()
        let record = try put(["content": "held", "other": "too"], try definition("a"), in: store)
        let reader = try store.begin()
        try reader.hold(record)
        _ = try store.remove(registry: "", repository: "a", selector: .tag("latest"))
        #expect(try store.collect(dryRun: true, leaseTime: nil).deleted == CollectionReport().deleted)
        #expect(try store.collect(dryRun: false, leaseTime: nil).deleted == CollectionReport().deleted, "it stays without a name")
        #expect(try store.manifest(of: record).files.map { try text($0.digest, in: store) } == ["held", "too"])
        reader.cancel()
        let freed = CollectionReport(blobs: 3, bytes: 9, manifests: 1).deleted
        #expect(try store.collect(dryRun: true, leaseTime: nil).deleted == freed)
        #expect(try store.collect(dryRun: false, leaseTime: nil).deleted == freed)
        let late = try store.begin()
        let error = #expect(throws: RegistryError.self) { try late.hold(record) }
        #expect(error?.code == .resourceNotFound)
        let again = try put(["content": "held"], try definition("a"), in: store)
        try late.hold(again)
        _ = try store.remove(registry: "", repository: "a", selector: .tag("latest"))
        #expect(try store.collect(dryRun: false, leaseTime: 0).manifests == 1, "a lease time of nothing ends it")
    }

    func versions() throws {
        let store = try make()
        let before = try store.version()
        #expect(try store.version() == before)
        try put(["content": "1"], try definition("v"), in: store)
        let after = try store.version()
        #expect(after != before)
        _ = try store.remove(registry: "", repository: "v", selector: .tag("latest"))
        #expect(try store.version() != after)
    }

    /// A store that was used as it should be has nothing wrong, whatever was put, removed and collected.
    private func verifies() throws {
        let store = try make()
        let empty = try store.verify(VerifyOptions(), with: NoHelp())
        #expect(empty.isClean && empty.blobs == 0 && empty.manifests == 0 && empty.tags == 0)
        try put(["a": "1", "b": "2"], try definition("one"), in: store)
        try put(["a": "1", "c": "3"], try definition("two"), in: store, registry: "host", tag: "t")
        for repairs in [false, true] {
            let report = try store.verify(VerifyOptions(repairs: repairs), with: NoHelp())
            #expect(report.isClean && report.findings.isEmpty, "\(report.findings)")
            #expect(report.blobs == 4 && report.hashedBlobs == 4 && report.manifests == 2 && report.tags == 2)
        }
        let sampled = try store.verify(VerifyOptions(sample: 2), with: NoHelp())
        #expect(sampled.isClean && sampled.hashedBlobs == 2 && sampled.blobs == 4)
        _ = try store.remove(registry: "", repository: "one", selector: .tag("latest"))
        #expect(try store.verify(VerifyOptions(), with: NoHelp()).isClean)
        _ = try store.collect(dryRun: false, leaseTime: 0)
        let after = try store.verify(VerifyOptions(), with: NoHelp())
        #expect(after.isClean && after.blobs == 3 && after.tags == 1)
    }
}
