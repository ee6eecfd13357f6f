import RxCrypto
import RxModel
public import RxStore
import Testing

/// The rules of a retention as `config.json` has them.
public func retention(_ text: String) throws -> RetentionPolicy { try RetentionPolicy(parsing: JSON(parsing: Array(text.utf8))) }

/// What every store promises about what stays: pins, retention, explanations, usage and the eviction of copies.
public struct KeepingContract<S: Store> {
    let make: () throws -> S

    /// Checks stores that `make` gives; each check takes a new one.
    public init(_ make: @escaping () throws -> S) { self.make = make }

    /// Runs every check.
    public func check() throws {
        try pins()
        try pinnedCopies()
        try retentions()
        try signatures()
        try explanations()
        try explainedLeases()
        try usages()
        try evictions()
        try sparedCopies()
    }

    private func bytes(_ text: String) -> Digest { sha256(Array(text.utf8)) }

    func pins() throws {
        let store = try make()
        let record = try put(["content": "pinned"], try definition("a", ["tag": "1"]), in: store)
        #expect(try store.pins().isEmpty)
        #expect(try store.pin(record))
        #expect(try !store.pin(record), "once is enough")
        let place = ManifestPlace(registry: "", repository: "a", digest: record.manifestDigest)
        #expect(try store.pins().map(\.place) == [place])
        #expect(try store.pins().map(\.tags) == [["1"]])
        let refused = #expect(throws: RegistryError.self) {
            try store.remove(registry: "", repository: "a", selector: .tag("latest"), sparingPins: true)
        }
        #expect(refused?.message == "a:1 is pinned" && refused?.code == .unsupported)
        let listed = #expect(throws: RegistryError.self) {
            try store.removeArtifact(repository: "a", name: .digest(.sha256(record.manifestDigest)), sparse: true)
        }
        #expect(listed?.message == "manifest \(record.manifestDigest) of a is pinned")
        try put(["content": "moved"], try definition("a", ["tag": "1"]), in: store)
        #expect(try store.collect(dryRun: false, leaseTime: 0).deleted == CollectionReport().deleted, "the tag moved on, the pin did not")
        #expect(try store.pins().map(\.tags) == [[]])
        #expect(try text(bytes("pinned"), in: store) == "pinned")
        #expect(try store.remove(registry: "", repository: "a", selector: .tag("1"), sparingPins: true).count == 1, "another one is pinned")
        #expect(try store.collect(dryRun: false, leaseTime: 0).manifests == 1)
        let found = try #require(try store.resolve(registry: "", repository: "a", selector: .digest(record.tree)))
        #expect(try store.unpin(found))
        #expect(try !store.unpin(found))
        #expect(try store.collect(dryRun: true, leaseTime: 0).manifests == 1)
        #expect(try store.collect(dryRun: false, leaseTime: 0).manifests == 1)
        let gone = #expect(throws: RegistryError.self) { try store.pin(found) }
        #expect(gone?.code == .resourceNotFound)
    }

    func pinnedCopies() throws {
        let store = try make()
        let record = try put(["content": "x"], try definition("a", ["tag": "1"]), in: store, registry: "h:1")
        try put(["content": "y"], try definition("b", ["tag": "1"]), in: store, registry: "h:1")
        #expect(try store.pin(record))
        let cleared = try store.removeCached(registry: "h:1")
        #expect(cleared.removed == 1 && cleared.pinned == 1)
        #expect(try store.resolve(registry: "h:1", repository: "a", selector: .tag("1")) != nil)
        #expect(try store.remove(registry: "h:1", repository: "a", selector: .tag("1"), sparingPins: false).count == 1)
        #expect(try store.collect(dryRun: false, leaseTime: 0).manifests == 1, "the pinned one stays without its tag")
        #expect(try text(bytes("x"), in: store) == "x")
    }

    func retentions() throws {
        let store = try make()
        for tag in ["1", "2", "v3", "4", "5", "6"] {
            try put(["content": tag], try definition("a", ["path": "ci", "tag": .string(tag)]), in: store)
        }
        try put(["content": "1"], try definition("b", ["tag": "1"]), in: store)
        try put(["content": "2"], try definition("b", ["tag": "2"]), in: store)
        try put(["content": "copy"], try definition("a", ["path": "ci", "tag": "0"]), in: store, registry: "h:1")
        let pinned = try #require(try store.resolve(registry: "", repository: "ci/a", selector: .tag("4")))
        #expect(try store.pin(pinned))
        let policy = try retention(
            #"[{"repositories":["none","ci/**"],"keepLast":1,"keepTags":["v*"]},{"repositories":["**"],"keepLast":5,"keepNewer":"1s"}]"#)
        var options = CollectionOptions(dryRun: true, leaseTime: 0, retention: policy)
        let dry = try store.collect(options)
        #expect(dry.expired.map(\.reference.description) == ["ci/a:1", "ci/a:2", "ci/a:5"])
        #expect(dry.expired.first?.reason == "not among the 1 put last, not like v*" && dry.expired.first?.rule == 0)
        #expect(dry.expired.first?.manifest == (try store.resolve(registry: "", repository: "ci/a", selector: .tag("1")))?.manifestDigest)
        #expect(dry.manifests == 3 && dry.blobs == 1, "what those tags alone keep is counted: 5, but not 1 and 2, which b has")
        #expect(try store.collect(options).deleted == dry.deleted, "a dry run changes nothing")
        options.dryRun = false
        #expect(try store.collect(options).deleted == dry.deleted)
        #expect(try store.tags(registry: "", repository: "ci/a", after: nil, limit: 10) == ["4", "6", "v3"])
        #expect(try store.tags(registry: "", repository: "b", after: nil, limit: 10) == ["1", "2"])
        #expect(try store.resolve(registry: "h:1", repository: "ci/a", selector: .tag("0")) != nil, "copies have the limit of the cache")
        #expect(try store.collect(options).deleted == CollectionReport().deleted, "a second run finds nothing")
        #expect(try store.collect(CollectionOptions(leaseTime: 0)).deleted == CollectionReport().deleted, "without rules every tag stays")
    }

    func signatures() throws {
        let store = try make()
        func aside(_ record: ResourceRecord) -> String { "sha256-\(record.manifestDigest.hex).sig" }
        let old = try put(["content": "1"], try definition("a", ["tag": "1"]), in: store)
        let new = try put(["content": "2"], try definition("a", ["tag": "2"]), in: store)
        for (record, text) in [(old, "signs 1"), (new, "signs 2")] {
            try put(["content": text], try definition("a"), in: store, tag: aside(record))
        }
        let signature = try #require(try store.resolve(registry: "", repository: "a", selector: .tag(aside(old))))
        try put(["content": "signs the signature"], try definition("a"), in: store, tag: aside(signature))
        let itself = try put(["content": "loop"], try definition("a"), in: store, tag: "x")
        try put(["content": "loop"], try definition("a"), in: store, tag: aside(itself))
        _ = try store.remove(registry: "", repository: "a", selector: .tag("x"))
        let policy = try retention(#"[{"repositories":["a"],"keepLast":1}]"#)
        let expected = ["1", aside(old), aside(signature), aside(itself)].sorted()
        let dry = try store.collect(CollectionOptions(dryRun: true, leaseTime: 0, retention: policy))
        #expect(dry.expired.map(\.reference.tag) == expected)
        #expect(dry.expired.first { $0.reference.tag == aside(old) }?.reason.hasSuffix(", which it is named after, goes") == true)
        let report = try store.collect(CollectionOptions(leaseTime: 0, retention: policy))
        #expect(report.expired.map(\.reference.tag).sorted() == expected && report.manifests == dry.manifests)
        #expect(try store.tags(registry: "", repository: "a", after: nil, limit: 10) == ["2", aside(new)].sorted())
        #expect(try store.collect(CollectionOptions(leaseTime: 0, retention: policy)).deleted == CollectionReport().deleted)
    }

    func explanations() throws {
        let store = try make()
        let options = CollectionOptions(leaseTime: 0, retention: try retention(#"[{"repositories":["b"],"keepLast":1}]"#))
        let a = try put(["content": "both"], try definition("a", ["tag": "1"]), in: store)
        let b = try put(["content": "both"], try definition("b", ["tag": "1"]), in: store)
        try put(["content": "other"], try definition("b", ["tag": "2"]), in: store)
        let inA = ManifestPlace(registry: "", repository: "a", digest: a.manifestDigest)
        let inB = ManifestPlace(registry: "", repository: "b", digest: b.manifestDigest)
        func explain(_ digest: Digest) throws -> [Explanation.Part] { try store.explain(.sha256(digest), options)?.parts ?? [] }
        let tag = Reason(.tag(Reference(repository: "a", tag: "1")))
        #expect(
            try explain(bytes("both")) == [
                Explanation.Part(subject: .blob(4), stays: true, reasons: [Reason(.named(by: inA), because: [tag])])
            ])
        #expect(try explain(a.manifestDigest) == [Explanation.Part(subject: .manifest(inA), stays: true, reasons: [tag])])
        let going = try #require(try explain(b.manifestDigest).first)
        #expect(!going.stays && going.reasons.count == 1)
        guard case .expired(let expired) = going.reasons[0].kind else {
            Issue.record("\(going)")
            return
        }
        #expect(expired.reference.description == "b:1" && expired.reason == "not among the 1 put last")
        _ = try store.remove(registry: "", repository: "a", selector: .tag("1"))
        #expect(try explain(a.manifestDigest) == [Explanation.Part(subject: .manifest(inA), stays: false, reasons: [Reason(.nothing)])])
        let blob = try #require(try explain(bytes("both")).first)
        #expect(!blob.stays && Set(blob.reasons.map(\.kind.place)) == [inA, inB])
        #expect(try store.pin(b))
        guard case .pin = try #require(try explain(b.manifestDigest).first?.reasons.first).kind else {
            Issue.record("a pin is a reason")
            return
        }
        #expect(try explain(bytes("both")).first?.stays == true)
        #expect(try store.explain(.sha256(bytes("unknown")), options) == nil)
        // What an explanation says is what a collection does.
        let report = try store.collect(options)
        #expect(report.manifests == 1 && report.blobs == 0)
        #expect(try explain(a.manifestDigest).isEmpty)
    }

    func explainedLeases() throws {
        let store = try make()
        let operation = try store.begin()
        let blob = try operation.stage(BytesSource([1, 2, 3]), expecting: nil)
        try operation.publish()
        func parts(_ leaseTime: Int?) throws -> [Explanation.Part] {
            try store.explain(.sha256(blob.digest), CollectionOptions(leaseTime: leaseTime))?.parts ?? []
        }
        let leased = try #require(try parts(nil).first)
        #expect(leased.stays && leased.subject == .blob(3))
        guard case .operation(let until) = leased.reasons[0].kind else {
            Issue.record("\(leased)")
            return
        }
        #expect(until > 0)
        #expect(try parts(0).first?.stays == false)
        #expect(try parts(0).first?.reasons == [Reason(.ended(until))])
        operation.cancel()
        #expect(try parts(nil) == [Explanation.Part(subject: .blob(3), stays: false, reasons: [Reason(.nothing)])])
        let record = try put(["content": "read"], try definition("a"), in: store)
        let reader = try store.begin()
        try reader.hold(record)
        _ = try store.remove(registry: "", repository: "a", selector: .tag("latest"))
        let held = try #require(try store.explain(.sha256(record.manifestDigest), CollectionOptions())?.parts.first)
        guard held.stays, case .reading = held.reasons[0].kind else {
            Issue.record("\(held)")
            return
        }
        reader.cancel()
    }

    func usages() throws {
        let store = try make()
        #expect(try store.usage() == StoreUsage())
        try put(["content": "shared", "a": "only a"], try definition("a", ["tag": "1"]), in: store)
        try put(["content": "shared", "a": "only a", "more": "more!"], try definition("a", ["tag": "2"]), in: store)
        try put(["content": "shared", "b": "b"], try definition("b"), in: store)
        try put(["content": "shared", "c": "copied"], try definition("c"), in: store, registry: "h:1")
        let operation = try store.begin()
        _ = try operation.stage(BytesSource([1, 2, 3]), expecting: nil)
        try operation.publish()
        let usage = try store.usage()
        func share(_ name: String) throws -> StoreUsage.Share { try #require(usage.repositories.first { $0.repository == name }) }
        // Each has the empty config of 2 bytes as well.
        #expect(try share("a").unique == StoreUsage.Amount(blobs: 2, bytes: 11))
        #expect(try share("a").shared == StoreUsage.Amount(blobs: 2, bytes: 8))
        #expect(try share("a").logicalBytes == 14 + 19 && share("a").tags == 2 && share("a").manifests == 2)
        #expect(try share("b").unique.bytes == 1 && share("b").shared.bytes == 8)
        #expect(try share("c").unique.bytes == 6 && share("c").registry == "h:1")
        #expect(usage.repositories.map(\.repository) == ["a", "c", "b"], "those with most bytes first")
        #expect(usage.registries.map(\.registry) == ["", "h:1"])
        #expect(usage.registries.first?.unique.bytes == 12 && usage.registries.first?.shared.bytes == 8)
        #expect(usage.registries.first?.tags == 3)
        #expect(usage.unnamed == StoreUsage.Amount(blobs: 1, bytes: 3))
        #expect(usage.stored == StoreUsage.Amount(blobs: 7, bytes: 11 + 8 + 1 + 6 + 3))
        #expect(usage.logicalBytes == 33 + 9 + 14)
        operation.cancel()
    }

    func evictions() throws {
        let store = try make()
        @discardableResult
        func copy(_ name: String, _ files: [String: String]) throws -> ResourceRecord {
            try put(files, try definition(name, ["tag": "1"]), in: store, registry: "h:1")
        }
        try put(["content": "own too"], try definition("own"), in: store)
        let first = try copy("first", ["content": "own too", "a": "12345"])
        let second = try copy("second", ["content": "both", "b": "123"])
        try copy("third", ["content": "both", "c": "1234567"])
        try copy("nothing", ["content": "own too"])
        func evict(_ limit: Int, sparing: ResourceRecord? = nil, dryRun: Bool = false) throws -> Eviction {
            try store.evictCopies(to: limit, sparing: sparing, dryRun: dryRun)
        }
        let all = 5 + 4 + 3 + 7
        let none = try evict(all)
        #expect(none == Eviction(before: all, after: all, copies: [], spared: 0), "what fits stays")
        let dry = try evict(0, dryRun: true)
        #expect(dry.after == 0 && Set(dry.copies.map(\.place.repository)) == ["first", "second", "third"], "what frees nothing stays")
        #expect(dry.copies.reduce(0) { $0 + $1.bytes } == all)
        let spared = try evict(0, sparing: first)
        #expect(spared.after == 5 && spared.spared == 1 && Set(spared.copies.map(\.place.repository)) == ["second", "third"])
        #expect(spared.copies.flatMap(\.tags) == ["1", "1"])
        #expect(try store.resolve(registry: "h:1", repository: "second", selector: .tag("1")) == nil)
        #expect(try store.resolve(registry: "h:1", repository: "first", selector: .tag("1")) != nil)
        #expect(try store.collect(dryRun: false, leaseTime: 0).deleted == CollectionReport(blobs: 3, bytes: 14, manifests: 2).deleted)
        #expect(try evict(5).before == 5)
        try store.noteUse(of: first)
        try store.noteUse(of: second)
        #expect(try text(bytes("own too"), in: store) == "own too")
    }

    func sparedCopies() throws {
        let store = try make()
        let pinned = try put(["content": "pinned"], try definition("pinned"), in: store, registry: "h:1")
        let held = try put(["content": "held"], try definition("held"), in: store, registry: "h:1")
        let leased = try put(["content": "leased"], try definition("leased"), in: store, registry: "h:1")
        #expect(try store.pin(pinned))
        let reader = try store.begin()
        try reader.hold(held)
        let user = try store.begin()
        _ = try user.lease(try store.manifest(of: leased).blobs)
        let eviction = try store.evictCopies(to: 0, sparing: nil, dryRun: false)
        #expect(eviction == Eviction(before: 18, after: 18, copies: [], spared: 3))
        reader.cancel()
        user.cancel()
        let later = try store.evictCopies(to: 0, sparing: nil, dryRun: false)
        #expect(later.spared == 1 && later.copies.count == 2)
        #expect(later.after == 8, "what is pinned, and the config that all of them share")
    }
}

extension Reason.Kind {
    /// The manifest that it tells of.
    fileprivate var place: ManifestPlace? {
        switch self {
        case .named(let place), .listed(let place), .refers(let place): place
        default: nil
        }
    }
}
