import RxCrypto
import RxModel
import RxTesting
import Testing

@testable import RxStore

@Suite struct `Retention rules` {
    @Test(arguments: [
        ("{}", "retention must be an array of rules"),
        ("[1]", "retention[0] must be an object"),
        (#"[{"repositories":["a"],"keepLast":1},{"keeplast":1}]"#, #"retention[1] has an unknown key "keeplast""#),
        (#"[{"keepLast":1}]"#, "retention[0].repositories must be an array of patterns that is not empty"),
        (#"[{"repositories":[],"keepLast":1}]"#, "retention[0].repositories must be an array of patterns that is not empty"),
        (#"[{"repositories":["a",1],"keepLast":1}]"#, "retention[0].repositories must be an array of patterns that is not empty"),
        (#"[{"repositories":["a","b//c"],"keepLast":1}]"#, #"retention[0].repositories[1] is not a pattern: "b//c""#),
        (#"[{"repositories":["a"],"keepTags":["v[0"]}]"#, #"retention[0].keepTags[0] is not a pattern: "v[0""#),
        (#"[{"repositories":["a"],"keepTags":"v"}]"#, "retention[0].keepTags must be an array of patterns that is not empty"),
        (#"[{"repositories":["a"],"keepLast":0}]"#, "retention[0].keepLast must be a whole number, 1 or more"),
        (#"[{"repositories":["a"],"keepLast":"3"}]"#, "retention[0].keepLast must be a whole number, 1 or more"),
        (#"[{"repositories":["a"],"keepNewer":30}]"#, #"retention[0].keepNewer must be a duration such as "12h" or "30d""#),
        (#"[{"repositories":["a"],"keepNewer":"0"}]"#, #"retention[0].keepNewer must be a duration such as "12h" or "30d""#),
        (#"[{"repositories":["a"]}]"#, "retention[0] would keep nothing: it needs keepLast, keepNewer or keepTags"),
    ]) func `that cannot be meant are refused by their place`(_ text: String, _ message: String) throws {
        let error = #expect(throws: RegistryError.self) { try retention(text) }
        #expect(error?.message == "config.json: \(message)" && error?.code == .invalidRequest && error?.hint != nil)
    }

    @Test func `are read from the store's folder`() throws {
        let folder = try TemporaryFolder()
        #expect(try RetentionPolicy.stored(in: folder.path) == nil)
        try folder.write("config.json", #"{"registries":[]}"#)
        #expect(try RetentionPolicy.stored(in: folder.path) == nil, "off unless it is said")
        try folder.write(
            "config.json", #"{"retention":[{"//":"why","repositories":["ci/*"],"keepLast":2,"keepNewer":"2w","keepTags":["v*"]}]}"#)
        let rule = try #require(try RetentionPolicy.stored(in: folder.path)?.rules.first)
        #expect(rule.keepLast == 2 && rule.keepNewer == 14 * 86_400 && rule.keepTags == ["v*"] && rule.repositories == ["ci/*"])
        try folder.write("config.json", "{")
        #expect(throws: RegistryError.self) { try RetentionPolicy.stored(in: folder.path) }
    }

    @Test func `the first rule for a repository decides`() throws {
        let policy = try retention(
            #"[{"repositories":["ci/**","**/tmp"],"keepLast":1},{"repositories":["team/?ool"],"keepLast":2},{"repositories":["*"],"keepLast":3}]"#
        )
        for (repository, index) in [
            ("ci/a", 0), ("ci/a/b", 0), ("x/y/tmp", 0), ("tmp", 0), ("team/tool", 1), ("ci", 2), ("a", 2), ("team/fool/x", nil),
            ("b/c", nil),
        ] as [(String, Int?)] {
            #expect(policy.rule(for: repository)?.index == index, "\(repository)")
        }
    }

    @Test func `the age of a tag counts from when it was last put`() throws {
        let folder = try TemporaryFolder()
        let store = try DiskStore(at: folder.path)
        for tag in ["1", "2", "3"] { try put(["content": tag], try definition("a", ["tag": .string(tag)]), in: store) }
        try store.catalog.write { database, now in
            try database.run("UPDATE tags SET updated_at = ? WHERE tag = '1'", .integer(now - 7200))
            try database.run("UPDATE tags SET updated_at = ? WHERE tag = '2'", .integer(now - 3000))
        }
        let policy = try retention(#"[{"repositories":["*"],"keepNewer":"1h"}]"#)
        let report = try store.collect(CollectionOptions(leaseTime: 0, retention: policy))
        #expect(report.expired.map(\.reference.tag) == ["1"])
        #expect(report.expired.first?.reason == "put more than 1h ago")
    }

    @Test(arguments: [
        CollectionOptions.Untagged.byDigest, .younger(than: 60), .all,
    ]) func `a dry run tells what a collection leaves of what loses its last tag just then`(untagged: CollectionOptions.Untagged) throws {
        for (hasReaders, leaseTime) in [(true, nil), (true, 0), (false, nil)] {
            let folder = try TemporaryFolder()
            let store = try DiskStore(at: folder.path)
            for tag in ["1", "2"] { try put(["content": tag], try definition("a", ["tag": .string(tag)]), in: store) }
            let policy = try retention(#"[{"repositories":["*"],"keepLast":1}]"#)
            var options = CollectionOptions(
                dryRun: true, leaseTime: leaseTime, untagged: untagged, hasReaders: hasReaders, retention: policy)
            let told = try store.collect(options)
            let first = try #require(try store.resolve(registry: "", repository: "a", selector: .tag("1")))
            let explained = try #require(try store.explain(.sha256(first.manifestDigest), options))
            options.dryRun = false
            let report = try store.collect(options)
            #expect(report.expired.map(\.reference.tag) == ["1"] && told.expired.map(\.reference.tag) == ["1"])
            #expect(told.manifests == report.manifests && told.kept.untagged == report.kept.untagged)
            #expect(explained.parts.allSatisfy(\.stays) == (report.manifests == 0))
        }
    }

    @Test func `a clock that was ahead once makes nothing old`() throws {
        let folder = try TemporaryFolder()
        let store = try DiskStore(at: folder.path)
        for tag in ["1", "2"] { try put(["content": tag], try definition("a", ["tag": .string(tag)]), in: store) }
        _ = try store.remove(registry: "", repository: "a", selector: .tag("2"))
        try store.catalog.write { database, now in try database.run("UPDATE clock SET now = ?", .integer(now + 400 * 86_400)) }
        let report = try store.collect(
            CollectionOptions(
                leaseTime: 0, untagged: .younger(than: 30 * 86_400),
                retention: try retention(#"[{"repositories":["*"],"keepNewer":"30d"}]"#)))
        #expect(report.expired.isEmpty && report.manifests == 0 && report.kept.untagged == 1)
    }

    @Test func `a tag that was put or pinned since it was found to go stays, and so does one that is newer than enough others`() throws {
        let folder = try TemporaryFolder()
        let store = try DiskStore(at: folder.path)
        for tag in ["1", "2", "3", "4"] { try put(["content": tag], try definition("a", ["tag": .string(tag)]), in: store) }
        let policy = try retention(#"[{"repositories":["*"],"keepLast":1}]"#)
        let options = CollectionOptions(leaseTime: 0, retention: policy)
        let planned = try store.collect(CollectionOptions(dryRun: true, leaseTime: 0, retention: policy)).expired
        #expect(planned.map(\.reference.tag) == ["1", "2", "3"])
        try put(["content": "1"], try definition("a", ["tag": "1"]), in: store)
        #expect(try store.pin(#require(try store.resolve(registry: "", repository: "a", selector: .tag("2")))))
        #expect(try store.remove(planned, options).map(\.reference.tag) == ["3"], "1 was put again, 2 was pinned")
        try put(["content": "5"], try definition("a", ["tag": "5"]), in: store)
        let old = try store.collect(CollectionOptions(dryRun: true, leaseTime: 0, retention: policy)).expired
        #expect(old.map(\.reference.tag) == ["1", "4"])
        for tag in ["5", "1"] { _ = try store.remove(registry: "", repository: "a", selector: .tag(tag)) }
        #expect(try store.remove(old, options).map(\.reference.tag) == [], "4 is the last that is left but for a pinned one that is older")
    }

    @Test func `a tag that was removed and put again since it was found to go stays`() throws {
        let folder = try TemporaryFolder()
        let store = try DiskStore(at: folder.path)
        for tag in ["1", "2"] { try put(["content": tag], try definition("a", ["tag": .string(tag)]), in: store) }
        try store.catalog.write { database, now in try database.run("UPDATE tags SET updated_at = ?", .integer(now - 7200)) }
        let options = CollectionOptions(leaseTime: 0, retention: try retention(#"[{"repositories":["*"],"keepNewer":"1h"}]"#))
        var plan = options
        plan.dryRun = true
        let planned = try store.collect(plan).expired
        #expect(planned.map(\.reference.tag) == ["1", "2"])
        // It was the last one that was put: what comes next has another number all the same.
        _ = try store.remove(registry: "", repository: "a", selector: .tag("2"))
        try put(["content": "new"], try definition("a", ["tag": "2"]), in: store)
        #expect(try store.remove(planned, options).map(\.reference.tag) == ["1"])
    }

    @Test func `a rule asks for as many newer tags as it wants, of its repository alone`() throws {
        let folder = try TemporaryFolder()
        let store = try DiskStore(at: folder.path)
        for (name, tag) in [("a", "3"), ("a", "1"), ("b", "9"), ("a", "2"), ("a", "4")] {
            try put(["content": tag], try definition(name, ["tag": .string(tag)]), in: store)
        }
        try store.catalog.write { database, _ in
            try database.run("UPDATE tags SET tag = ? WHERE tag = '2'", .text("sha256-\(String(repeating: "0", count: 64)).sig"))
        }
        try store.catalog.read { database in
            let facts = CatalogFacts(database: database)
            let oldest = try #require(try facts.tags(of: "a").first { $0.tag == "3" }).seq
            #expect(try facts.newerTags(than: oldest, in: "a", limit: 9) == 2, "neither a signature nor another repository's counts")
            #expect(try facts.newerTags(than: oldest, in: "a", limit: 1) == 1)
            #expect(try facts.newerTags(than: oldest + 4, in: "a", limit: 9) == 0)
            #expect(
                try database.latestTag(registry: "", repository: "a") == "4" && database.latestTag(registry: "", repository: "c") == nil)
        }
    }

    @Test func `tags named after one another in a long chain end no process, and go little by little`() throws {
        let folder = try TemporaryFolder()
        let store = try DiskStore(at: folder.path)
        let count = 1_000
        try put(["content": "first"], try definition("a", ["tag": "old"]), in: store)
        // As a push writes them, in one transaction: a signature of a signature of a signature.
        try store.catalog.write { database, now in
            let first = try #require(try database.first("SELECT id FROM manifests") { $0.int(0) })
            var before = try #require(try database.first("SELECT digest FROM manifests") { try $0.digest(0) })
            try database.run("UPDATE tags SET updated_at = ?", .integer(now - 1_000_000))
            for number in 1...count {
                let digest = sha256(Array("\(number)".utf8))
                try database.run(
                    """
                    INSERT INTO manifests
                        (registry, repository, digest, media_type, tree, size, files, definition, bytes, artifact_type, subject)
                    SELECT registry, repository, ?, media_type, tree, size, files, definition, bytes, artifact_type, subject
                    FROM manifests WHERE id = ?
                    """, .digest(digest), .integer(first))
                try database.run(
                    "INSERT INTO tags SELECT '', 'a', ?, id, 1, ?, ? FROM manifests WHERE digest = ?", .text("sha256-\(before.hex).sig"),
                    .integer(now - 1_000_000), .integer(1_000 + number), .digest(digest))
                before = digest
            }
        }
        try put(["content": "last"], try definition("a", ["tag": "new"]), in: store)
        let policy = try retention(#"[{"repositories":["a"],"keepLast":1}]"#)
        let planned = try store.collect(CollectionOptions(dryRun: true, leaseTime: 0, retention: policy)).expired
        #expect(planned.count == RetentionPlan<CatalogFacts>.longestChain + 1)
        #expect(try store.remove(planned, CollectionOptions(leaseTime: 0, retention: policy)).count >= planned.count - 1)
    }

    @Test func `every text of a size or a length of time means one number, or none`() {
        for (text, seconds) in [("0", 0), ("30s", 30), ("10m", 600), ("2h", 7200), ("1d", 86_400), ("2w", 1_209_600)] {
            #expect(TimeSpan.seconds(text) == seconds)
        }
        for text in ["", "h", "5", "-1s", "1.5h", "+1s", "1 h", "1y", "99999999999999999d"] {
            #expect(TimeSpan.seconds(text) == nil, "\(text)")
        }
        #expect(TimeSpan.text(3600) == "1h" && TimeSpan.text(90) == "90s" && TimeSpan.text(1_209_600) == "14d")
        for (text, bytes) in [
            ("0", 0), ("512", 512), ("7B", 7), ("1KiB", 1024), ("4K", 4096), ("2m", 2 << 20), ("3G", 3 << 30), ("10GiB", 10 << 30),
            ("5mb", 5_000_000), ("1TB", 1_000_000_000_000),
        ] {
            #expect(ByteCount.bytes(text) == bytes, "\(text)")
        }
        for text in ["", "GiB", "-1", "1.5GiB", "1 GiB", "1XB", "9999999999TiB", "١"] { #expect(ByteCount.bytes(text) == nil, "\(text)") }
    }
}
