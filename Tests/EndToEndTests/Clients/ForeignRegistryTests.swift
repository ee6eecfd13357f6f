import Foundation
import RxModel
import RxTesting
import Testing

/// rx as a client of Debian's docker-registry 2.8, which has `/v2/` alone and knows neither artifact types nor referrers.
@Suite struct ForeignRegistryTests {
    let registry: DockerRegistry
    let alice: User
    let bob: User
    let work: TemporaryFolder

    init() throws {
        registry = try DockerRegistry()
        alice = try User(["RX_REGISTRY": registry.url])
        bob = try User(["RX_REGISTRY": registry.url])
        work = try TemporaryFolder()
    }

    /// Adds and pushes team/tools with every kind of file.
    func push(_ tag: String, greeting: String = "hello") throws {
        try work.write(
            "tools/resource.json",
            #"{"name":"tools","path":"team","type":"folder","tag":"\#(tag)","description":"Handy things","x":[1]}"#)
        try work.write("tools/greeting", greeting)
        try work.write("tools/empty", "")
        try work.write("tools/bin/run", "#!/bin/sh\necho hi\n", executable: true)
        try work.write("tools/deep/er and deeper/日本語", "nested")
        let made = try run(
            "/bin/sh",
            [
                "-c", "cd \"$1\" && { test -e large || head -c 20971520 /dev/urandom >large; } && ln -sf greeting link", "sh",
                "\(work.path)/tools",
            ])
        #expect(made.status == 0, "\(made.error)")
        try alice.rx("add", "./tools", in: work.path)
        #expect(try alice.rx("push", "team/tools:\(tag)").hasPrefix("Pushed: team/tools:\(tag)\n"))
    }

    @Test func `hold a resource as they hold any artifact`() throws {
        try push("1")
        let served = try registry.manifest("team/tools", "1")
        #expect(served.mediaType == MediaType.imageManifest)
        let manifest = try JSON(parsing: [UInt8](served.bytes))
        #expect(manifest["artifactType"]?.string == MediaType.resource)
        let titles = manifest["layers"]?.array?.compactMap { $0["annotations"]?[Annotation.title]?.string } ?? []
        #expect(Set(titles) == ["greeting", "empty", "bin/run", "deep/er and deeper/日本語", "large", "link"])
        #expect(try bob.rx("pull", "team/tools:1").hasPrefix("Pulled: \(registry.host)/team/tools:1\n"))
        try bob.rx("export", "\(registry.host)/team/tools:1", "\(work.path)/out")
        #expect(try difference("\(work.path)/tools", "\(work.path)/out") == "")
        #expect(FileManager.default.isExecutableFile(atPath: "\(work.path)/out/bin/run"))
        let mine = try alice.run("info", "team/tools:1", "--json").json()
        let copy = try bob.run("info", "\(registry.host)/team/tools:1", "--json").json()
        for key in ["definition", "digest", "manifestDigest", "files", "size"] { #expect(mine[key] == copy[key], "\(key)") }
    }

    @Test func `are searched, and asked without fetching`() throws {
        try push("1")
        try push("2", greeting: "good day")
        #expect(try bob.rx("search", "tools").contains("team/tools:2  folder  Handy things"))
        #expect(try bob.rx("search", "nothing-like-it") == "No resources found\n")
        #expect(try bob.rx("info", "\(registry.host)/team/tools:1").contains("Description:  Handy things"))
        #expect(try bob.rx("list") == "No resources found\n")
        let absent = try bob.run("pull", "\(registry.host)/team/none:1")
        #expect(absent.status == 1 && absent.error.hasPrefix("error: Resource not found: "), "\(absent.error)")
        #expect(try bob.run("pull", "\(registry.host)/team/tools:3").error.hasPrefix("error: Resource not found: "))
    }

    @Test func `get only what they lack`() throws {
        try push("1")
        let manifest = try JSON(parsing: [UInt8](registry.manifest("team/tools", "1").bytes))
        let contents = Set(manifest["layers"]?.array?.compactMap { $0["digest"]?.string } ?? [])
        let first = registry.uploads.count
        #expect(first == contents.count + 1, "each content once, and the configuration: \(registry.uploads)")
        try alice.rx("push", "team/tools:1")
        #expect(registry.uploads.count == first, "nothing is sent again")
        try push("2", greeting: "good day")
        #expect(registry.uploads.count == first + 1, "only what changed")
    }

    @Test func `refuse what a digest does not promise`() throws {
        try push("1")
        let info = try alice.run("info", "team/tools:1", "--json").json()
        for key in ["digest", "manifestDigest"] {
            let digest = try #require(info[key]?.string)
            try bob.rx("pull", "\(registry.host)/team/tools:1@\(digest)")
        }
        let wrong = try bob.run("pull", "\(registry.host)/team/tools:1@sha256:\(String(repeating: "0", count: 64))")
        #expect(wrong.status == 1)
        let eve = try User()
        let damage = "cd \"$1\" && f=$(grep -rlx hello . | grep '/data$' | head -n 1) && test -n \"$f\" && printf jello > \"$f\""
        #expect(try run("/bin/sh", ["-c", damage, "sh", "\(registry.data.path)/files"]).status == 0)
        let ended = try eve.run("pull", "\(registry.host)/team/tools:1")
        #expect(ended.status == 1, "damaged content is never delivered")
        #expect(try eve.rx("list") == "No resources found\n")
    }

    @Test func `may give locations without a host`() throws {
        let relative = try DockerRegistry(relative: true)
        try work.write("r/resource.json", #"{"name":"hello","type":"text"}"#)
        try work.write("r/content", "hello")
        try alice.rx("add", "./r", in: work.path)
        try alice.rx("push", "hello", "--registry", relative.url)
        #expect(try bob.rx("ingest", "\(relative.host)/hello") == "hello")
    }

    @Test func `get another tag without a blob`() throws {
        try push("1")
        let before = registry.uploads.count
        let name = "\(registry.host)/team/tools"
        try alice.rx("tag", "\(name):1", "\(name):stable")
        #expect(registry.uploads.count == before)
        #expect(try registry.manifest("team/tools", "stable").digest == registry.manifest("team/tools", "1").digest)
        try bob.rx("pull", "\(name):stable")
    }

    @Test func `take only names in lower case, and the message says so`() throws {
        try work.write("r/resource.json", #"{"name":"Hello","type":"text"}"#)
        try work.write("r/content", "hello")
        try alice.rx("add", "./r", in: work.path)
        let ended = try alice.run("push", "Hello")
        #expect(ended.status == 1 && ended.error.contains("Hello"), "\(ended.error)")
        #expect(ended.error.contains("case"), "\(ended.error)")
        #expect(registry.uploads.isEmpty)
    }

    @Test func `take a tree whose manifest would be too long for them, in packed form`() throws {
        try work.write("many/resource.json", #"{"name":"many","type":"folder"}"#)
        let script = """
            import os, sys
            os.chdir(sys.argv[1])
            for index in range(20000):
                if index % 500 == 0: os.mkdir(f'folder {index // 500}')
                with open(f'folder {index // 500}/file number {index}', 'w') as file: file.write(str(index))
            """
        #expect(try run("/usr/bin/env", ["python3", "-c", script, "\(work.path)/many"]).status == 0)
        try alice.rx("add", "./many", in: work.path)
        try alice.rx("push", "many")
        let manifest = try registry.manifest("many", "latest").bytes
        #expect(manifest.count < 4 << 20)
        #expect(try JSON(parsing: [UInt8](manifest))["layers"]?.array?.count ?? 0 < 10)
        try bob.rx("pull", "many")
        try bob.rx("export", "\(registry.host)/many", "\(work.path)/out")
        #expect(try difference("\(work.path)/many", "\(work.path)/out").prefix(500) == "")
        let mine = try alice.run("info", "many", "--json").json()
        #expect(try bob.run("info", "\(registry.host)/many", "--json").json()["digest"] == mine["digest"], "the same tree digest")
    }
}
