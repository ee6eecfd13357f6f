import RxCrypto
import RxModel
import RxStore
import Testing

/// What every store promises of collections beside OCI clients.
extension ArtifactContract {
    private func collect(
        _ store: S, _ untagged: CollectionOptions.Untagged, leaseTime: Int? = 0, hasReaders: Bool = false, dryRun: Bool = false
    ) throws -> CollectionReport {
        let report = try store.collect(
            CollectionOptions(dryRun: dryRun, leaseTime: leaseTime, untagged: untagged, hasReaders: hasReaders))
        #expect(report.isComplete)
        return report
    }

    private func number(_ text: String) -> [UInt8] { image([], ["annotations": .object(["n": .string(text)])]) }

    func rulesForUntagged() throws {
        let store = try make()
        try push("{}", to: "r", in: store)
        let byDigest = try put(number("digest"), in: store)
        let moved = try put(number("moved"), "1", in: store)
        let removed = try put(number("removed"), "2", in: store)
        try put(number("stays"), "1", in: store)
        #expect(try store.removeArtifact(repository: "r", name: .tag("2"), sparse: false))
        let child = try put(number("child"), in: store)
        let list = try put(index([child.bytes]), "list", in: store)
        let subject: JSON = .members(["mediaType": "a", "digest": .string(list.digest.description), "size": .integer(list.bytes.count)])
        let signature = try put(image([], ["subject": subject]), in: store)
        for dryRun in [true, false] {
            // What was put or lost its tag just now stays as long as a lease would last, whatever the rule says.
            #expect(try collect(store, .younger(than: 0), leaseTime: nil, dryRun: dryRun).manifests == 0)
            let report = try collect(store, .younger(than: 3600), dryRun: dryRun)
            #expect(report.manifests == 0)
            let kept = report.kept
            #expect((kept.tagged, kept.listed, kept.referrers, kept.untagged, kept.held) == (2, 1, 1, 3, 0), "\(kept)")
            #expect((kept.named, kept.leased) == (1, 0))
            #expect(try collect(store, .all, dryRun: dryRun).kept.untagged == 3)
            #expect(try collect(store, .byDigest, leaseTime: nil, hasReaders: true, dryRun: dryRun).kept.untagged == 3, "clients read it")
        }
        #expect(try collect(store, .byDigest, leaseTime: nil, dryRun: true).manifests == 2)
        #expect(try collect(store, .byDigest, hasReaders: true, dryRun: true).manifests == 2)
        for each in [byDigest, moved, removed, child, signature] { #expect(try has(each, in: store)) }
        #expect(try collect(store, .byDigest).manifests == 2)
        #expect(try has(byDigest, in: store))
        #expect(try collect(store, .younger(than: 0), dryRun: true).manifests == 1)
        #expect(try collect(store, .younger(than: 0)).manifests == 1)
        #expect(try !has(byDigest, in: store) && has(child, in: store) && has(signature, in: store))
        // An index goes with what it lists and what refers to it.
        #expect(try store.removeArtifact(repository: "r", name: .tag("list"), sparse: false))
        #expect(try collect(store, .younger(than: 3600)).manifests == 0, "it lost its tag just now")
        let last = try collect(store, .younger(than: 0))
        #expect(last.manifests == 3 && last.referrers == 1)
        #expect(try collect(store, .younger(than: 0)).deleted == CollectionReport().deleted)
    }

    /// What refers to a manifest by its SHA-512, and came before it, lives and dies with it.
    func lateSubjects() throws {
        let store = try make()
        try push("{}", to: "r", in: store)
        let hasher = SHA512Hasher()
        let bytes = number("subject")
        bytes.withUnsafeBytes { hasher.update($0) }
        let name = hasher.finish()
        let refers: JSON = .members(["mediaType": "a", "digest": .string(name.description), "size": .integer(bytes.count)])
        let signature = try put(image([], ["subject": refers]), in: store)
        #expect(try collect(store, .byDigest).deleted == CollectionReport().deleted)
        let subject = try Artifact(parsing: bytes, mediaType: nil, repository: "r")
        try store.put(subject, in: "r", tags: ["1"], name: name, sparse: false)
        #expect(try store.referrers(registry: "", repository: "r", of: .sha256(subject.digest)).count == 1)
        let report = try collect(store, .byDigest)
        #expect(report.deleted == CollectionReport().deleted && report.kept.referrers == 1 && report.kept.untagged == 0)
        #expect(try store.removeArtifact(repository: "r", name: .tag("1"), sparse: false))
        let last = try collect(store, .byDigest)
        #expect(last.manifests == 2 && last.referrers == 1)
        #expect(try !has(signature, in: store))
    }

    /// Manifests that keep one another go together: an index whose subject is one of those that it lists, and a long chain of referrers.
    func circles() throws {
        let store = try make()
        try push("{}", to: "r", in: store)
        func subject(_ artifact: Artifact) -> JSON {
            .members(["mediaType": "a", "digest": .string(artifact.digest.description), "size": .integer(artifact.bytes.count)])
        }
        let child = try put(number("child"), in: store)
        let list = try put(index([child.bytes], ["subject": subject(child)]), "list", in: store)
        var last = list
        for _ in 0..<300 { last = try put(image([], ["subject": subject(last)]), in: store) }
        #expect(try collect(store, .byDigest).deleted == CollectionReport().deleted)
        #expect(try store.removeArtifact(repository: "r", name: .tag("list"), sparse: false))
        #expect(try collect(store, .younger(than: 0), dryRun: true).manifests == 302)
        let report = try collect(store, .younger(than: 0))
        #expect(report.manifests == 302 && report.referrers == 301)
        #expect(try collect(store, .younger(than: 0)).deleted == CollectionReport().deleted)
    }

    /// One that names thousands goes like any other, though not all of it at once.
    func longManifests() throws {
        let store = try make()
        let absent = (0..<700).map { Array("absent \($0)".utf8) }
        for way in ["tag", "digest"] {
            let list = try put(index(absent), "1", in: store, sparse: true)
            #expect(try store.search(SearchQuery()).total == 1)
            if way == "tag" {
                #expect(try store.removeArtifact(repository: "r", name: .tag("1"), sparse: false))
                #expect(try collect(store, .byDigest).manifests == 1)
            } else {
                #expect(try store.removeArtifact(repository: "r", name: .digest(.sha256(list.digest)), sparse: false))
            }
            #expect(try !has(list, in: store))
            #expect(try store.search(SearchQuery()).total == 0)
            #expect(try store.repositories(registry: "", after: nil, limit: 9).isEmpty)
            #expect(try collect(store, .all, dryRun: true).deleted == CollectionReport().deleted)
            #expect(try collect(store, .all).deleted == CollectionReport().deleted)
        }
    }
}
