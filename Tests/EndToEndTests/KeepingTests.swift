import Foundation
import RxModel
import RxTesting
import Testing

@Suite struct `What stays and what goes, at the command line` {
    let work: TemporaryFolder
    let alice: User

    init() throws {
        work = try TemporaryFolder()
        alice = try User()
    }

    private func add(_ name: String, _ tag: String, _ content: String, to user: User? = nil) throws {
        try work.write("\(name)-\(tag)/resource.json", #"{"name":"\#(name)","type":"text","tag":"\#(tag)"}"#)
        try work.write("\(name)-\(tag)/content", content)
        try (user ?? alice).rx("add", "./\(name)-\(tag)", in: work.path)
    }

    private func fails(_ ended: Ended, _ status: Int32 = 1, _ error: String, location: SourceLocation = #_sourceLocation) {
        #expect(ended.status == status, sourceLocation: location)
        #expect(ended.error.split(separator: "\n").first.map(String.init) == "error: \(error)", sourceLocation: location)
    }

    @Test func `a pinned resource stays without its name until it is unpinned`() throws {
        #expect(try alice.rx("pin") == "Nothing is pinned\n")
        try add("hello", "1.0.0", "hello world")
        let digest = try #require(try alice.run("info", "hello", "--json").json()["manifestDigest"]?.string)
        #expect(try alice.rx("pin", "hello:1.0.0") == "Pinned: hello:1.0.0\n  Manifest: \(digest)\n")
        #expect(try alice.rx("pin", "hello:1.0.0").hasPrefix("Pinned already: hello:1.0.0\n"))
        #expect(try alice.rx("pin") == "Found 1 pin:\n  hello@\(digest)  1.0.0\n")
        let listed = try #require(try alice.run("pin", "--json").json()["pins"]?.array?.first)
        #expect(listed["manifestDigest"]?.string == digest && listed["tags"] == ["1.0.0"] && listed["pinnedAt"]?.string != nil)
        let refused = try alice.run("remove", "hello:1.0.0")
        fails(refused, 1, "hello:1.0.0 is pinned")
        #expect(refused.error.contains("hint: end that first: rx unpin hello:1.0.0; or remove the tag alone with --force"))
        #expect(try alice.rx("remove", "hello:1.0.0", "--force") == "Removed: hello:1.0.0\n")
        #expect(try alice.rx("gc", "--lease", "0") == "Deleted 0 blobs (0 B), 0 manifests, 0 leftovers\n")
        #expect(try alice.rx("pin") == "Found 1 pin:\n  hello@\(digest)  (no tag)\n")
        #expect(try alice.rx("ingest", "hello@\(digest)") == "hello world")
        try add("hello", "1.0.0", "hello again")
        let other = try alice.run("unpin", "hello:1.0.0")
        #expect(other.status == 1 && other.error.hasPrefix("error: Not pinned: hello:1.0.0 (sha256:"))
        #expect(other.error.contains("hint: hello@\(digest) is: name it by its digest"))
        let unpinned = try alice.run("unpin", "hello@\(digest)", "--json").json()
        #expect(unpinned["manifestDigest"]?.string == digest)
        #expect(try alice.run("gc", "--lease", "0", "--json").json()["manifests"]?.int == 1)
        let absent = try alice.run("pin", "nothing")
        fails(absent, 1, "Resource not found: nothing")
        #expect(absent.error.contains("hint: only what is stored here can be pinned"))
        #expect(try alice.run("unpin").status == 2)
        for command in ["pin", "unpin", "du"] { #expect(try alice.rx(command, "--help").contains("Usage: rx \(command)")) }
    }

    @Test func `a server's store is kept by the commands of the home`() throws {
        let registry = try RegistryProcess(data: nil)
        let data = registry.data.path
        let bob = try User(["RX_REGISTRY": registry.url])
        try add("hello", "1", "hello world", to: bob)
        try bob.rx("push", "hello:1")
        try bob.rx("remove", "hello:1")
        try bob.rx("gc", "--lease", "0")
        #expect(try bob.rx("du", "--data", data).contains(" hello\n") && !bob.rx("du").contains("hello"))
        #expect(try bob.rx("pin", "hello:1", "--data", data).hasPrefix("Pinned: hello:1\n"))
        #expect(try bob.rx("pin", "--data", data).hasPrefix("Found 1 pin:") && bob.rx("pin") == "Nothing is pinned\n")
        _ = try run("curl", ["-sS", "-X", "DELETE", "\(registry.url)/v2/hello/manifests/1"])
        #expect(try bob.run("gc", "--data", data, "--lease", "0", "--json").json()["manifests"]?.int == 0, "it is pinned")
        let digest = try #require(try bob.run("pin", "--data", data, "--json").json()["pins"]?.array?.first?["manifestDigest"]?.string)
        try bob.rx("unpin", "hello@\(digest)", "--data", data)
        #expect(try bob.rx("cache", "prune", "--max-size", "0", "--data", data).hasPrefix("Removed 0 copies (0 B)"))
        #expect(try bob.run("gc", "--data", data, "--lease", "0", "--json").json()["manifests"]?.int == 1)
        for refused in [
            try bob.run("gc", "--data", work.path), try bob.run("du", "--data", work.path), try bob.run("pin", "--data", work.path),
            try bob.run("unpin", "hello", "--data", work.path), try bob.run("cache", "prune", "--max-size", "0", "--data", work.path),
        ] { fails(refused, 1, "there is no store in \(work.path)") }
        #expect(!FileManager.default.fileExists(atPath: work.path + "/catalog.sqlite"))
    }

    @Test func `retention rules let tags go, and say why`() throws {
        for tag in ["1", "2", "v3", "4"] { try add("ci", tag, "content \(tag)") }
        #expect(try alice.run("gc", "--json").json()["tags"] == [], "nothing goes unless it is said")
        try alice.home.write("config.json", #"{"retention":[{"repositories":["c*"],"keepLast":1,"keepTags":["v*"]}]}"#)
        let why = "not among the 1 put last, not like v*"
        let dry = try alice.rx("gc", "--dry-run")
        #expect(dry == "Would remove: ci:1 (\(why))\nWould remove: ci:2 (\(why))\nWould delete 2 blobs (18 B), 2 manifests, 0 leftovers\n")
        let digest = try #require(try alice.run("info", "ci:1", "--json").json()["files"]?.array?.first?["digest"]?.string)
        let manifest = try #require(try alice.run("info", "ci:1", "--json").json()["manifestDigest"]?.string)
        #expect(
            try alice.rx("gc", "--explain", digest) == """
                blob \(digest) (9 B) goes:
                  manifest ci@\(manifest) names it
                    tag ci:1 names it, and retention rule 0 removes that: \(why)

                """)
        let json = try alice.run("gc", "--json").json()
        #expect(json["tags"]?.array?.map { $0["locator"]?.string } == ["ci:1", "ci:2"])
        #expect(json["tags"]?.array?.first?["reason"]?.string == why && json["blobs"]?.int == 2)
        #expect(try alice.rx("list").hasPrefix("Found 2 resource(s):"))
        try alice.home.write("config.json", #"{"retention":[{"repositories":["c*"],"keepLast":0}]}"#)
        let broken = try alice.run("gc")
        fails(broken, 1, "config.json: retention[0].keepLast must be a whole number, 1 or more")
        #expect(broken.error.contains("hint: nothing was deleted"))
    }

    @Test func `every digest is explained`() throws {
        try add("hello", "1", "hello world")
        let info = try alice.run("info", "hello:1", "--json").json()
        let blob = try #require(info["files"]?.array?.first?["digest"]?.string)
        let manifest = try #require(info["manifestDigest"]?.string)
        #expect(
            try alice.rx("gc", "--explain", blob)
                == "blob \(blob) (11 B) stays:\n  manifest hello@\(manifest) names it\n    tag hello:1 names it\n")
        #expect(try alice.rx("gc", "--explain", manifest) == "manifest \(manifest) of hello stays:\n  tag hello:1 names it\n")
        let part = try #require(try alice.run("gc", "--explain", blob, "--json").json()["parts"]?.array?.first)
        #expect(part["kind"] == "blob" && part["stays"] == true && part["size"]?.int == 11)
        let reason = try #require(part["reasons"]?.array?.first)
        #expect(reason["reason"] == "named-by-manifest" && reason["manifestDigest"]?.string == manifest && reason["repository"] == "hello")
        #expect(reason["because"]?.array?.first?["locator"] == "hello:1")
        try alice.rx("remove", "hello:1")
        #expect(
            try alice.rx("gc", "--explain", blob)
                == "blob \(blob) (11 B) goes:\n  manifest hello@\(manifest) names it\n    nothing keeps it\n")
        try alice.rx("gc")
        let gone = try alice.run("gc", "--explain", blob)
        fails(gone, 1, "Digest not found: \(blob)")
        fails(try alice.run("gc", "--explain", "hello"), 2, "\"hello\" is not a digest")
        let orphan = "blobs/sha256/ab/ab\(String(repeating: "0", count: 62))"
        try alice.home.write(orphan, "x")
        let name = "sha256:\(orphan.suffix(64))"
        #expect(try alice.rx("gc", "--explain", name) == "file \(name) goes:\n  the catalog has no row of this file\n")
    }

    @Test func `what takes the space is told by repository`() throws {
        #expect(
            try alice.rx("du").contains("Total: 0 B in 0 blobs; 0 B without sharing (0 B saved)\nNamed by no resource: 0 B in 0 blobs\n"))
        try add("a", "1", "shared")
        try add("b", "1", "shared")
        try add("b", "2", "b alone")
        try add("c", "1", "gone")
        try alice.rx("remove", "c:1")
        let text = try alice.rx("du")
        let lines = text.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
        #expect(
            lines == [
                "UNIQUE SHARED LOGICAL TAGS REPOSITORY", "7 B 8 B 17 B 2 b", "0 B 8 B 8 B 1 a", "4 B 2 B 6 B 0 c",
                "Total: 19 B in 4 blobs; 31 B without sharing (12 B saved)", "Named by no resource: 0 B in 0 blobs",
            ])
        let json = try alice.run("du", "--json").json()
        #expect(json["stored"]?["bytes"]?.int == 19 && json["logicalBytes"]?.int == 31 && json["repositories"]?.array?.count == 3)
    }

    @Test func `copies that were not used for longest make room`() throws {
        let registry = try RegistryProcess()
        let bob = try User()
        for name in ["one", "two", "three"] {
            try add(name, "1", String(repeating: name, count: 1000), to: bob)
            try bob.rx("push", "\(name):1", "--registry", registry.url)
        }
        fails(try alice.run("cache", "prune"), 2, "rx cache prune needs --max-size SIZE")
        fails(try alice.run("cache", "prune", "--max-size", "much"), 2, "\"much\" is not a size")
        fails(
            try alice.run("config", "set", "cache-size", "much"), 1,
            "cache-size must be a number of bytes such as 10GiB, or none, not much")
        for name in ["one", "two", "three"] { try alice.rx("pull", "\(registry.host)/\(name):1") }
        // The clock counts seconds, and notes hours: the order is set by hand.
        for (index, name) in ["two", "one", "three"].enumerated() {
            let sql = "UPDATE tags SET updated_at = \(1_000_000 + index) WHERE repository = '\(name)'"
            #expect(try run("sqlite3", ["\(alice.home.path)/catalog.sqlite", sql]).status == 0)
        }
        try alice.rx("pin", "\(registry.host)/two:1")
        let dry = try alice.rx("cache", "prune", "--max-size", "9KB", "--dry-run")
        #expect(dry.hasPrefix("Would remove: \(registry.host)/one:1 (2.9 KiB, last used 1970-01-12T"), "\(dry)")
        #expect(dry.hasSuffix("Would remove 1 copy (2.9 KiB): copies need 7.8 KiB of 8.8 KiB\n"), "\(dry)")
        let pruned = try alice.run("cache", "prune", "--max-size", "9KB", "--json").json()
        #expect(pruned["removed"]?.array?.count == 1 && pruned["after"]?.int == 8002 && pruned["deleted"]?["blobs"]?.int == 1)
        #expect(pruned["removed"]?.array?.first?["locators"] == .array([.string("\(registry.host)/one:1")]))
        let all = try alice.rx("cache", "prune", "--max-size", "0")
        #expect(all.contains("Removed 1 copy (4.9 KiB): copies need 2.9 KiB of 0 B\n  1 copy pinned or in use"), "\(all)")
        #expect(try alice.rx("cache", "clear") == "Cleared all cached resources (0)\n  Kept: 1 pinned tag\n")

        #expect(try alice.rx("config", "set", "cache-size", "5KiB") == "Set cache-size = 5KiB\n")
        #expect(try alice.rx("config", "get", "cache-size") == "5KiB\n")
        try alice.rx("unpin", "\(registry.host)/two:1")
        let pulled = try alice.rx("pull", "\(registry.host)/three:1")
        #expect(pulled.contains("  Evicted: 1 copy (2.9 KiB)\n"), "\(pulled)")
        #expect(try alice.rx("list").contains("three") && !alice.rx("list").contains("two"), "what was just pulled stays")
        try alice.rx("config", "set", "cache-size", "none")
        #expect(try alice.run("pull", "\(registry.host)/two:1", "--json").json()["evicted"] == nil)
    }
}
