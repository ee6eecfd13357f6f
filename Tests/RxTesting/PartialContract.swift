import RxCrypto
import RxModel
public import RxStore
import Testing

/// What every store promises about copies of which only some files are here. Source: Specs/05-store, "Partial copies".
public struct PartialContract<S: Store> {
    private let host = "h:1"
    let make: () throws -> S

    /// Checks stores that `make` gives; each check takes a new one.
    public init(_ make: @escaping () throws -> S) { self.make = make }

    /// Runs every check.
    public func check() throws {
        try names()
        try invisible()
        try contents()
        try refused()
        try keeping()
        try completed()
        try movedTags()
        try newest()
        try cleared()
        try measured()
        try evicted()
        try verified()
    }

    private func manifest(_ name: String, _ files: [String: String]) throws -> ResourceManifest {
        try ResourceManifest(definition: definition(name, type: "module"), files: try files.map { try file($0.key, $0.value) })
    }

    /// Binds a resource without its files.
    @discardableResult
    private func bind(_ name: String, _ files: [String: String], _ tag: String, in store: S, pinned: Bool = false) throws -> ManifestPlace {
        let artifact = Artifact(try manifest(name, files))
        try store.putPartial(artifact, as: Reference(registry: host, repository: name, tag: tag), pinned: pinned)
        return ManifestPlace(registry: host, repository: name, digest: artifact.digest)
    }

    /// Has a file come for a partial copy; gives what is kept then.
    @discardableResult
    private func fetch(_ content: String, for copy: ManifestPlace, in store: S) throws -> Set<Digest>? {
        let operation = try store.begin()
        defer { operation.cancel() }
        let blob = try operation.stage(BytesSource(Array(content.utf8)), expecting: nil)
        try operation.publish()
        return try store.keep([blob.digest: blob.size], in: copy)
    }

    private func find(_ name: String, _ selector: Selector, in store: S) throws -> ManifestPlace? {
        try store.partialCopy(registry: host, repository: name, selector: selector)?.place
    }

    private func digest(_ text: String) -> Digest { sha256(Array(text.utf8)) }

    private func isHere(_ text: String, _ store: S) -> Bool { (try? store.size(of: digest(text))) == text.utf8.count }

    func names() throws {
        let store = try make()
        let place = try bind("m", ["a": "one", "b": "two"], "1", in: store)
        let resource = try manifest("m", ["a": "one", "b": "two"])
        for selector in [Selector.tag("1"), .tag("latest"), .digest(resource.digest), .digest(resource.tree)] {
            #expect(try find("m", selector, in: store) == place)
        }
        for selector in [Selector.tag("2"), .digest(digest("one"))] { #expect(try find("m", selector, in: store) == nil) }
        let copy = try #require(try store.partialCopy(registry: host, repository: "m", selector: .tag("1")))
        #expect(copy.bytes == resource.bytes && copy.tag == "1" && copy.usedAt > 0)
        #expect(try store.partialCopy(registry: "h:2", repository: "m", selector: .tag("1")) == nil)
        try bind("m", ["a": "one", "b": "two"], "1", in: store)
        #expect(try find("m", .tag("1"), in: store) == place, "as often as one likes")
        try store.noteUse(ofPartial: place)
    }

    func invisible() throws {
        let store = try make()
        let before = try store.search(SearchQuery()).total
        let place = try bind("m", ["a": "one"], "1", in: store)
        try fetch("one", for: place, in: store)
        #expect(try store.resolve(registry: host, repository: "m", selector: .tag("1")) == nil)
        #expect(try store.resolve(registry: host, repository: "m", selector: .digest(place.digest)) == nil)
        #expect(try store.search(SearchQuery()).total == before)
        #expect(try store.artifact(registry: host, repository: "m", name: .digest(.sha256(place.digest))) == nil)
        #expect(try store.artifact(registry: "", repository: "m", name: .digest(.sha256(place.digest))) == nil)
        #expect(try store.tags(registry: host, repository: "m", after: nil, limit: 10) == nil)
        #expect(try store.repositories(registry: host, after: nil, limit: 10).isEmpty)
        #expect(try store.blob(.sha256(digest("one")), in: "m", leasing: false) == nil, "nor does a repository show its files")
        #expect(try !store.isWhole(place.digest, in: "m"))
        #expect(try store.pins().isEmpty)
    }

    func contents() throws {
        let store = try make()
        func here(_ name: String, _ limit: Int = 10, host: String? = nil) throws -> [Digest] {
            try store.digests(registry: host ?? self.host, repository: name, limit: limit)
        }
        #expect(try here("m").isEmpty)
        let one = try bind("m", ["a": "one"], "1", in: store, pinned: true).digest
        let two = try bind("m", ["a": "two"], "1", in: store).digest
        #expect(try here("m") == [two, one], "the last one first")
        #expect(try here("m", 1) == [two])
        #expect(try here("m", host: "h:2").isEmpty && here("n").isEmpty)
        try fetch("two", for: ManifestPlace(registry: host, repository: "m", digest: two), in: store)
        let operation = try store.begin()
        for text in ["two", "three"] { _ = try operation.stage(BytesSource(Array(text.utf8)), expecting: nil) }
        let whole = try operation.commit(try manifest("m", ["a": "two"]), as: Reference(registry: host, repository: "m", tag: "1"))
        #expect(Set(try here("m")) == [whole.manifestDigest, one], "each once, whole or in part")
        #expect(whole.manifestDigest == two)
    }

    func refused() throws {
        let store = try make()
        let artifact = Artifact(try manifest("m", ["a": "one"]))
        let own = #expect(throws: RegistryError.self) {
            try store.putPartial(artifact, as: Reference(repository: "m", tag: "1"), pinned: false)
        }
        #expect(own?.message == "m:1 (\(artifact.digest)) cannot be here in part: it is no copy of a registry's")
        let index = try Artifact(
            parsing: Array(#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#.utf8),
            mediaType: nil,
            repository: "m")
        let foreign = #expect(throws: RegistryError.self) {
            try store.putPartial(index, as: Reference(registry: host, repository: "m", tag: "1"), pinned: false)
        }
        #expect(foreign?.message == "h:1/m:1 (\(index.digest)) cannot be here in part: it is no resource")
        #expect(try find("m", .tag("1"), in: store) == nil)
    }

    func keeping() throws {
        let store = try make()
        let place = try bind("m", ["a": "one", "b": "two", "c": "three"], "1", in: store)
        #expect(try store.keep([digest("one"): 3], in: place) == [], "what is not here cannot be kept")
        #expect(try fetch("one", for: place, in: store) == [digest("one")])
        #expect(try store.keep([digest("one"): 4], in: place) == [], "of another length")
        #expect(try store.keep([digest("one"): 3, digest("two"): 3], in: place) == [digest("one")])
        // Of a blob that others have put, what was not used is not kept.
        try put(["x": "two", "y": "three"], try definition("own"), in: store)
        #expect(try store.keep([digest("two"): 3], in: place) == [digest("two")])
        _ = try store.remove(registry: "", repository: "own", selector: .tag("latest"))
        let dry = try store.collect(dryRun: true, leaseTime: 0)
        let report = try store.collect(dryRun: false, leaseTime: 0)
        #expect(report.deleted == dry.deleted && report.kept.partial == dry.kept.partial)
        #expect(report.manifests == 1 && report.blobs == 2, "three, and the config")
        #expect(report.kept.partial == 2 && report.kept.named == 0)
        #expect(isHere("one", store) && isHere("two", store) && !isHere("three", store))
        let gone = ManifestPlace(registry: host, repository: "m", digest: digest("nothing"))
        #expect(try store.keep([digest("one"): 3], in: gone) == nil)
    }

    func completed() throws {
        let store = try make()
        let files = ["a": "one", "b": "two"]
        let place = try bind("m", files, "1", in: store)
        try bind("m", files, "stable", in: store)
        try fetch("one", for: place, in: store)
        let record = try put(files, try definition("m", type: "module"), in: store, registry: host, tag: "1")
        #expect(record.manifestDigest == place.digest)
        #expect(try find("m", .tag("1"), in: store) == nil)
        #expect(try find("m", .tag("stable"), in: store) == nil)
        let stable = try #require(try store.resolve(registry: host, repository: "m", selector: .tag("stable")))
        #expect(stable.manifestDigest == place.digest && stable.reference.tag == "stable", "its other tags mean the whole copy")
        let newest = try store.resolve(registry: host, repository: "m", selector: .tag("latest"))
        #expect(newest?.reference.tag == "1", "and are as old as they were")
        #expect(try find("m", .digest(place.digest), in: store) == nil, "it is whole")
        #expect(try store.keep([digest("one"): 3], in: place) == nil)
        #expect(try store.collect(dryRun: false, leaseTime: 0).deleted == CollectionReport().deleted)
        #expect(try store.removeCached(registry: nil).removed == 2)
        #expect(try store.collect(dryRun: false, leaseTime: 0).blobs == 3, "nothing is left of what was here in part")
        // Of its tags, those that a whole one was put under since mean that; and what is put without a tag is found by the others.
        let tagged = try bind("n", ["a": "one"], "1", in: store)
        try bind("n", ["a": "one"], "2", in: store)
        let moved = try put(["a": "two"], try definition("n", type: "module"), in: store, registry: host, tag: "1")
        try put(["a": "one"], try definition("n", type: "module"), in: store, registry: host, tag: "3")
        func whole(_ tag: String) throws -> Digest? {
            try store.resolve(registry: host, repository: "n", selector: .tag(tag))?.manifestDigest
        }
        #expect(try whole("1") == moved.manifestDigest && whole("2") == tagged.digest && whole("3") == tagged.digest)
        #expect(try store.removeCached(registry: nil).removed == 3)
        // The store's own resource of that name is another one.
        let other = try bind("m", files, "1", in: store)
        try put(files, try definition("m", type: "module"), in: store, tag: "1")
        #expect(try find("m", .tag("1"), in: store) == other)
    }

    func movedTags() throws {
        let store = try make()
        let old = try bind("m", ["a": "old"], "1", in: store)
        let pinned = try bind("m", ["a": "pinned"], "1", in: store, pinned: true)
        #expect(try find("m", .tag("1"), in: store) == old, "what is asked for by its digest moves no tag")
        for place in [old, pinned] { try fetch(place == old ? "old" : "pinned", for: place, in: store) }
        let new = try bind("m", ["a": "new"], "1", in: store)
        #expect(try find("m", .tag("1"), in: store) == new)
        #expect(try store.collect(dryRun: false, leaseTime: nil).partialCopies == 0, "somebody may be using it")
        #expect(try find("m", .digest(old.digest), in: store) == old)
        let dry = try store.collect(dryRun: true, leaseTime: 0)
        #expect(dry.partialCopies == 1 && dry.blobs == 1)
        let report = try store.collect(dryRun: false, leaseTime: 0)
        #expect(report.partialCopies == 1 && report.blobs == 1)
        #expect(try find("m", .digest(old.digest), in: store) == nil && !isHere("old", store))
        #expect(try find("m", .digest(pinned.digest), in: store) == pinned && isHere("pinned", store))
        #expect(try store.collect(dryRun: false, leaseTime: 0).deleted == CollectionReport().deleted, "nothing more goes")
    }

    func newest() throws {
        let store = try make()
        let first = try bind("m", ["a": "1"], "1", in: store)
        try put(["a": "2"], try definition("m", type: "module"), in: store, registry: host, tag: "2")
        #expect(try find("m", .tag("latest"), in: store) == nil, "a whole one came later")
        #expect(try find("m", .tag("1"), in: store) == first)
        let third = try bind("m", ["a": "3"], "2", in: store)
        #expect(try find("m", .tag("latest"), in: store) == third)
        #expect(try find("m", .tag("2"), in: store) == third, "and moved the tag")
        try put(["a": "4"], try definition("m", type: "module"), in: store, registry: host, tag: "latest")
        #expect(try find("m", .tag("latest"), in: store) == nil)
        let fifth = try bind("m", ["a": "5"], "5", in: store)
        #expect(try find("m", .tag("latest"), in: store) == nil, "a tag of that name is meant")
        try bind("m", ["a": "5"], "latest", in: store)
        #expect(try find("m", .tag("latest"), in: store) == fifth)
    }

    func cleared() throws {
        let store = try make()
        let files = Dictionary(uniqueKeysWithValues: (0..<300).map { ("f\($0)", "content \($0)") })
        let place = try bind("m", files, "1", in: store)
        let operation = try store.begin()
        var blobs: [Digest: Int] = [:]
        for content in files.values {
            blobs[try operation.stage(BytesSource(Array(content.utf8)), expecting: nil).digest] = content.utf8.count
        }
        try operation.publish()
        #expect(try store.keep(blobs, in: place)?.count == 300)
        operation.cancel()
        #expect(try store.removeCached(registry: "h:2").partial == 0)
        let cleared = try store.removeCached(registry: host)
        #expect(cleared.partial == 1 && cleared.removed == 0)
        #expect(try find("m", .tag("1"), in: store) == nil && find("m", .digest(place.digest), in: store) == nil)
        #expect(try store.usage().registries.isEmpty)
        let again = try bind("m", files, "1", in: store)
        #expect(try store.keep([digest("content 1"): 9], in: again) == [digest("content 1")], "what was not deleted yet is used again")
        #expect(try store.collect(dryRun: true, leaseTime: 0).blobs == 299)
        #expect(try store.collect(dryRun: false, leaseTime: 0).blobs == 299)
        #expect(isHere("content 1", store))
    }

    func measured() throws {
        let store = try make()
        let place = try bind("m", ["a": "one", "b": "shared", "c": "not here"], "1", in: store)
        try fetch("one", for: place, in: store)
        try fetch("shared", for: place, in: store)
        try put(["x": "shared"], try definition("own"), in: store)
        let usage = try store.usage()
        let share = try #require(usage.repositories.first { $0.repository == "m" })
        #expect(share.registry == host && share.partialCopies == 1 && share.manifests == 0 && share.tags == 0)
        #expect(share.unique == StoreUsage.Amount(blobs: 1, bytes: 3) && share.shared == StoreUsage.Amount(blobs: 1, bytes: 6))
        #expect(usage.unnamed == StoreUsage.Amount() && usage.registries.count == 2)
        let kept = try #require(try store.explain(.sha256(digest("one")), CollectionOptions(leaseTime: 0))?.parts.first)
        #expect(kept.stays && kept.reasons.map(\.kind) == [.kept(by: place)])
        let own = try #require(try store.explain(.sha256(place.digest), CollectionOptions())?.parts.first)
        #expect(own.stays && own.subject == .partialCopy(place))
        #expect(try store.explain(.sha256(digest("not here")), CollectionOptions()) == nil)
    }

    func evicted() throws {
        let store = try make()
        let small = try bind("small", ["a": "1"], "1", in: store)
        let large = try bind("large", ["a": "0123456789", "b": "both"], "1", in: store)
        try fetch("0123456789", for: large, in: store)
        try fetch("both", for: large, in: store)
        try put(["a": "both"], try definition("whole"), in: store, registry: host, tag: "1")
        let manifests = try [("small", ["a": "1"]), ("large", ["a": "0123456789", "b": "both"])].map {
            try manifest($0.0, $0.1).bytes.count
        }
        let all = manifests[0] + manifests[1] + 10 + 4 + 2
        let dry = try store.evictCopies(to: 0, sparing: nil, dryRun: true)
        #expect(dry.before == all && dry.after == 0 && dry.copies.filter(\.isPartial).count == 2, "manifests of partial copies count")
        let eviction = try store.evictCopies(to: 0, sparing: large, dryRun: false)
        #expect(eviction.after == manifests[1] + 14 && eviction.spared == 1)
        #expect(try find("small", .digest(small.digest), in: store) == nil && find("large", .tag("1"), in: store) == large)
        _ = try store.collect(dryRun: false, leaseTime: 0)
        #expect(isHere("both", store) && isHere("0123456789", store))
        let last = try store.evictCopies(to: 0, sparing: nil, dryRun: false)
        #expect(last.copies.map(\.place) == [large] && last.copies.map(\.tags) == [["1"]] && last.after == 0)
        #expect(try store.collect(dryRun: false, leaseTime: 0).blobs == 2)
    }

    func verified() throws {
        let store = try make()
        let place = try bind("m", ["a": "one", "b": "not here"], "1", in: store)
        try fetch("one", for: place, in: store)
        let report = try store.verify(VerifyOptions(), with: NoHelp())
        #expect(report.isClean && report.findings.isEmpty && report.partialCopies == 1, "what is not here is no damage")
    }
}
