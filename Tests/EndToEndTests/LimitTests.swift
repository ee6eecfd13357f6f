import Foundation
import RxModel
import RxTesting
import Testing

@Suite struct `At its limits` {
    let work: TemporaryFolder
    let alice: User

    init() throws {
        work = try TemporaryFolder()
        alice = try User()
    }

    func add(_ members: JSON) throws {
        try work.write("r/resource.json", members.text)
        try work.write("r/content", "hello")
        try alice.rx("add", "./r", in: work.path)
    }

    @Test func `the longest name is pushed, pulled, pinned and exported`() throws {
        let name = String(repeating: "n", count: 128)
        let path = (0..<30).map { _ in "abc" }.joined(separator: "/")
        let tag = String(repeating: "1", count: 256 - path.count - name.count - 2)
        try add(.members(["name": .string(name), "path": .string(path), "tag": .string(tag), "type": "text"]))
        let locator = "\(path)/\(name):\(tag)"
        #expect(locator.utf8.count == 256)
        let registry = try RegistryProcess()
        try alice.rx("push", locator, "--registry", registry.url)
        let bob = try User(["RX_REGISTRY": registry.url])
        #expect(try bob.rx("pull", locator).hasPrefix("Pulled: \(registry.host)/\(locator)\n"))
        let copy = "\(registry.host)/\(locator)"
        let digest = try #require(try bob.run("info", copy, "--json").json()["digest"]?.string)
        #expect(try bob.rx("ingest", "\(copy)@\(digest)") == "hello")
        try bob.rx("export", "\(copy)@\(digest)", "\(work.path)/out")
        #expect(try bob.rx("remove", copy) == "Removed: \(copy)\n")
        let ended = try bob.run("pull", "\(locator)1")
        #expect(ended.status == 1 && ended.error.hasPrefix("error: Locator too long\n"))
    }

    @Test func `an export fills an empty folder, also the one it is run in, and names what cannot be`() throws {
        try add(.members(["name": "hello", "type": "text"]))
        try work.write("here/x", "")
        try FileManager.default.removeItem(atPath: "\(work.path)/here/x")
        #expect(
            try alice.rx("export", "hello", ".", "--definition", in: "\(work.path)/here").hasPrefix(
                "Exported: hello to .\n  Written: 2 files, "))
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(work.path)/here").sorted() == ["content", "resource.json"])
        try FileManager.default.createDirectory(atPath: "\(work.path)/empty", withIntermediateDirectories: false)
        try FileManager.default.createSymbolicLink(atPath: "\(work.path)/link", withDestinationPath: "empty")
        try alice.rx("export", "hello", "link", in: work.path)
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(work.path)/empty") == ["content"])
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: "\(work.path)/link") == "empty", "the link stays")
        try alice.rx("export", "hello", "new//", in: work.path)
        #expect(try FileManager.default.contentsOfDirectory(atPath: work.path).sorted() == ["empty", "here", "link", "new", "r"])
        let unnamed = try alice.run("export", "hello", "", in: work.path)
        #expect(unnamed.status == 2 && unnamed.error.hasPrefix("error: the folder or file to write has no name\n"))
        try FileManager.default.removeItem(atPath: "\(work.path)/here/content")
        try FileManager.default.removeItem(atPath: "\(alice.home.path)/cache/folders")
        for target in ["here", "r/content"] {
            let ended = try alice.run("export", "hello", target, in: work.path)
            #expect(ended.status == 1 && ended.error.contains("\(target) exists already and is not an empty folder"))
        }
    }

    @Test func `an import takes a definition that is a hard link, either way round, and names the archive`() throws {
        let text = #"{"name":"linked","type":"json"}"#
        for (first, second) in [("resource.json", "content"), ("content", "resource.json")] {
            let made = try run(
                "/bin/bash",
                [
                    "-c",
                    "rm -rf l && mkdir l && cd l && printf '%s' \"$1\" > $2 && ln $2 $3 && tar czf ../l.tar.gz $2 $3 && tar tvf ../l.tar.gz",
                    "sh", text, first, second,
                ], in: work.path)
            #expect(made.status == 0 && made.text.contains("link to \(first)"), "\(made.text)")
            #expect(try alice.rx("import", "l.tar.gz", in: work.path).hasPrefix("Imported: linked\n"))
            #expect(try alice.rx("ingest", "linked", "--json") == "{\n  \"name\": \"linked\",\n  \"type\": \"json\"\n}\n")
            #expect(try alice.rx("gc").hasPrefix("Deleted 0 blobs"), "nothing is left over")
        }
        try work.write("b/resource.json", #"{"name":"bad"}"#)
        try work.write("b/content", "x")
        let ended = try run(
            "/bin/bash", ["-c", "tar czf b.tar.gz -C b . && \"$RX\" import b.tar.gz"], in: work.path,
            environment: ["RX": rxBinary, "RX_HOME": alice.home.path])
        #expect(ended.error == "error: b.tar.gz: resource.json: type is required\n")
        try work.write("c.tar.gz", "nothing")
        #expect(try alice.run("import", "c.tar.gz", in: work.path).error.hasPrefix("error: c.tar.gz: "))
    }

    @Test func `folders nested too deeply are refused before descriptors run out`() throws {
        try work.write("deep/resource.json", #"{"name":"deep","type":"folder"}"#)
        for (count, isTaken) in [(500, true), (1500, false)] {
            let inner = "deep" + String(repeating: "/d", count: count)
            #expect(try run("/bin/mkdir", ["-p", inner], in: work.path).status == 0)
            #expect(try run("/usr/bin/touch", ["\(inner)/f"], in: work.path).status == 0)
            if isTaken { try alice.rx("add", "./deep", in: work.path) }
        }
        let ended = try alice.run("add", "./deep", in: work.path)
        #expect(ended.status == 1 && ended.error.contains("more than 500 folders are inside one another"), "\(ended.error.suffix(200))")
        #expect(try run("/bin/rm", ["-rf", "\(work.path)/deep"]).status == 0)
    }

    @Test func `registries need a name and an address`() throws {
        for (words, message) in [
            (["registry", "add", "", "http://one.test"], "A registry's name must not be empty"),
            (["registry", "add", "one", "no url"], "\"no url\" is not a registry's URL: it holds a space"),
            (["config", "set", "registry", "ftp://x"], "\"ftp://x\" is not a registry's URL: the scheme must be"),
        ] {
            let ended = try run(rxBinary, words, environment: ["RX_HOME": alice.home.path])
            #expect(ended.status == 1 && ended.error.hasPrefix("error: \(message)"), "\(ended.error)")
        }
        #expect(try alice.rx("registry", "list").hasPrefix("No registries configured."))
        try alice.home.write("config.json", #"{"registries":[{"name":"bad","url":"no url"}]}"#)
        let ended = try alice.run("search", "x")
        #expect(ended.status == 1, "not a quiet search of the local store")
        #expect(ended.error.hasPrefix("error: Registry \"bad\": "), "\(ended.error)")
        #expect(try alice.rx("registry", "remove", "bad") == "Removed registry: bad\n")
        try alice.home.write("config.json", #"{"registries":[{"name":"half"}]}"#)
        #expect(try alice.run("registry", "add", "x", "http://x.test").error.contains("registries[0] needs"))
    }
}
