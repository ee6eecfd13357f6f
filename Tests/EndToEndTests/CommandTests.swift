import Foundation
import RxModel
import RxTesting
import Testing

@Suite struct `A user at the command line` {
    let work: TemporaryFolder
    let alice: User

    init() throws {
        work = try TemporaryFolder()
        alice = try User()
        try work.write("review/SKILL.md", "# Code review\n\nRead the change twice.\n")
        try work.write("review/references/list.md", "- one\n")
        try work.write(
            "hello/resource.json",
            #"{"name":"hello","type":"text","tag":"1.0.0","description":"A greeting","keywords":["demo"],"x-own":{"a":1.50}}"#)
        try work.write("hello/content", "hello world")
    }

    func fails(_ ended: Ended, _ status: Int32 = 1, _ error: String, location: SourceLocation = #_sourceLocation) {
        #expect(ended.status == status, sourceLocation: location)
        #expect(ended.error.split(separator: "\n").first.map(String.init) == "error: \(error)", sourceLocation: location)
    }

    @Test func `adds, lists, shows, uses and removes resources`() throws {
        #expect(try alice.rx("list") == "No resources found\n")
        let added = try alice.rx("add", "./hello", in: work.path)
        #expect(added.contains("Added resource:\n  Locator: hello:1.0.0\n  Name: hello\n  Type: text\n  Tag: 1.0.0\n"))
        try alice.rx("add", "review/", in: work.path)
        #expect(try alice.rx("list").hasPrefix("Found 2 resource(s):\n"))
        let info = try alice.rx("info", "hello")
        for text in ["Locator:      hello:1.0.0", "Description:  A greeting", "content  11 B", "Preview:\n  hello world"] {
            #expect(info.contains(text), "\(text)")
        }
        let json = try alice.run("info", "hello", "--json").json()
        #expect(json["locator"] == "hello:1.0.0" && json["type"] == "text" && json["size"]?.int == 11)
        #expect(json["definition"]?["x-own"]?["a"] == .number("1.50"), "unknown keys are kept as they were written")
        #expect(json["files"]?.array?.first?["path"] == "content")
        #expect(try alice.rx("ingest", "hello") == "hello world", "text as it is")
        #expect(try alice.rx("use", "review").hasPrefix("# Code review"))
        #expect(try alice.rx("resolve", "review", "list.md") == "- one\n")
        fails(try alice.run("ingest", "review", "none.md"), 1, "Reference not found: none.md. Available: list.md")
        #expect(try alice.rx("remove", "hello") == "Removed: hello:1.0.0\n", "a bare name says which tag went")
        fails(try alice.run("remove", "hello"), 1, "Resource not found: hello")
        fails(try alice.run("info", "hello"), 1, "Resource not found: hello")
        let dry = try alice.run("gc", "--dry-run", "--json").json()
        #expect(dry["blobs"]?.int == 1 && dry["bytes"]?.int == 11 && dry["manifests"]?.int == 1)
        #expect(try alice.run("gc", "--json").json()["blobs"]?.int == 1)
        #expect(try alice.rx("gc") == "Deleted 0 blobs (0 B), 0 manifests, 0 leftovers\n")
    }

    @Test func `gives a module's files one by one`() throws {
        try work.write("lib/resource.json", #"{"name":"lib","type":"module"}"#)
        try work.write("lib/index.js", "export {}")
        try work.write("lib/src/a.js", "a")
        try alice.rx("add", "./lib", in: work.path)
        #expect(try alice.rx("ingest", "lib") == "[\n  \"index.js\",\n  \"src/\"\n]\n")
        #expect(try alice.rx("ingest", "lib", "src/a.js") == "a")
        #expect(try alice.rx("ingest", "./lib", "index.js", in: work.path) == "export {}", "from the folder as well")
        fails(try alice.run("ingest", "lib", "../hello"), 1, "File not found: ../hello")
    }

    @Test func `takes a folder only when it is written as one`() throws {
        let ended = try alice.run("add", "hello", in: work.path)
        fails(ended, 2, "\"hello\" is not written as a folder")
        #expect(ended.error.contains("hint: did you mean rx add ./hello?"))
        #expect(try alice.rx("add", ".", in: "\(work.path)/review").contains("Locator: review\n"), ". takes the folder's real name")
        fails(try alice.run("add", "./nothing", in: work.path), 1, "Cannot load source: ./nothing")
        try work.write("bare/file", "x")
        fails(try alice.run("add", "./bare", in: work.path), 1, "Cannot detect resource type from source: ./bare")
    }

    @Test func `leaves out what is not content, and refuses symlinks that leave the folder`() throws {
        for path in [".git/config", "node_modules/x/index.js", "build/out.o", "keep.txt", "secret.key"] {
            try work.write("hello/\(path)", path)
        }
        try work.write("hello/.rxignore", "build/\n*.key\n")
        try alice.rx("add", "./hello", in: work.path)
        let paths = try alice.run("info", "hello", "--json").json()["files"]?.array?.compactMap { $0["path"]?.string }
        #expect(paths == ["content", "keep.txt"])
        try FileManager.default.createSymbolicLink(atPath: "\(work.path)/hello/out", withDestinationPath: "../review/SKILL.md")
        let ended = try alice.run("add", "./hello", in: work.path)
        fails(ended, 1, "entry \"out\": the symlink to \"../review/SKILL.md\" leaves the root")
        #expect(try alice.run("info", "hello", "--json").json()["fileCount"]?.int == 2, "what was stored before stays")
    }

    @Test func `reads no content of a tree that has not changed`() throws {
        for index in 0..<200 { try work.write("tree/f\(index)", "content \(index)") }
        try work.write("tree/resource.json", #"{"name":"tree","type":"folder"}"#)
        Thread.sleep(forTimeInterval: 0.05)
        #expect(try alice.run("add", "./tree", "--json", in: work.path).json()["unchangedFiles"]?.int == 0)
        #expect(try alice.run("add", "./tree", "--json", in: work.path).json()["unchangedFiles"]?.int == 200)
        try work.write("tree/f7", "changed!!!")
        Thread.sleep(forTimeInterval: 0.05)
        let again = try alice.run("add", "./tree", "--json", in: work.path).json()
        #expect(again["unchangedFiles"]?.int == 199)
        // A file that is not read cannot be missed when it is forbidden to read it.
        #expect(try alice.run("add", "./tree", "--json", in: work.path).json()["unchangedFiles"]?.int == 200)
    }

    @Test func `links a folder and reads it as it is now`() throws {
        #expect(try alice.rx("link", "./hello", in: work.path) == "Linked: hello:1.0.0 -> \(work.path)/hello\n")
        #expect(try alice.rx("ingest", "hello:1.0.0") == "hello world")
        try work.write("hello/content", "changed")
        #expect(try alice.rx("ingest", "hello:1.0.0") == "changed")
        #expect(try alice.rx("list") == "No resources found\n", "a link stores nothing")
        #expect(try alice.rx("unlink", "hello:1.0.0") == "Unlinked: hello:1.0.0\n")
        fails(try alice.run("unlink", "hello:1.0.0"), 1, "Not linked: hello:1.0.0")
        fails(try alice.run("ingest", "hello:1.0.0"), 1, "Resource not found: hello:1.0.0")
    }

    @Test func `exports and imports archives`() throws {
        try alice.rx("add", "./hello", in: work.path)
        let file = "\(work.path)/hello.tar.gz"
        try alice.rx("export", "hello", file)
        let first = try Data(contentsOf: URL(fileURLWithPath: file))
        try alice.rx("export", "hello", file)
        #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == first, "the same resource gives the same bytes")
        let bob = try User()
        #expect(try bob.rx("import", file).hasPrefix("Imported: hello:1.0.0\n"))
        let mine = try alice.run("info", "hello", "--json").json()
        #expect(try bob.run("info", "hello", "--json").json()["manifestDigest"] == mine["manifestDigest"])
        try bob.rx("export", "hello", "\(work.path)/out", "--definition")
        #expect(FileManager.default.fileExists(atPath: "\(work.path)/out/resource.json"))
        try bob.rx("export", "hello", "\(work.path)/out")
        #expect(!FileManager.default.fileExists(atPath: "\(work.path)/out/resource.json"), "it is brought up to date")
        try work.write("mine/notes", "mine")
        fails(
            try bob.run("export", "hello", "\(work.path)/mine"), 1, "\(work.path)/mine exists already and is not an empty folder")
    }

    @Test func `finds nothing stored after an archive was refused`() throws {
        let folder = repositoryRoot.appendingPathComponent("Specs/vectors/archive").path
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) where name.hasSuffix(".tar.gz") {
            let ended = try alice.run("import", "\(folder)/\(name)")
            #expect(ended.status == 1, "\(name) holds no resource.json or is refused")
            #expect(ended.error.hasPrefix("error: "), "\(name): \(ended.error)")
        }
        #expect(try alice.rx("list") == "No resources found\n")
        #expect(try alice.rx("gc") == "Deleted 0 blobs (0 B), 0 manifests, 0 leftovers\n")
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(alice.home.path)/staging").isEmpty)
    }

    @Test func `manages registries and configuration with the words that scripts look for`() throws {
        #expect(try alice.rx("registry", "list") == "No registries configured. Use: rx registry add <name> <url>\n")
        fails(try alice.run("push", "x"), 1, "No registry configured. Use: rx registry add <name> <url>  or  rx config set registry <url>")
        #expect(try alice.rx("registry", "add", "one", "http://localhost:1") == "Added registry: one -> http://localhost:1 (default)\n")
        #expect(try alice.rx("registry", "add", "two", "http://localhost:2") == "Added registry: two -> http://localhost:2\n")
        fails(try alice.run("registry", "add", "two", "http://localhost:3"), 1, "Registry \"two\" already exists")
        #expect(try alice.rx("registry", "default", "two") == "Default registry set to: two\n")
        fails(try alice.run("registry", "default", "three"), 1, "Registry \"three\" not found")
        #expect(try alice.rx("registry", "remove", "two") == "Removed registry: two\n")
        #expect(try alice.rx("registry", "list").contains("one  http://localhost:1 (default)"))
        #expect(try alice.rx("config", "set", "registry", "http://localhost:9") == "Set registry = http://localhost:9\n")
        #expect(try alice.rx("config", "get", "registry") == "http://localhost:9\n")
        fails(try alice.run("config", "set", "colour", "red"), 1, "Invalid key: colour. Valid keys: registry, transfers, cache-size")
        #expect(try alice.rx("cache", "clear").hasPrefix("Cleared all cached resources"))
    }

    @Test func `reads the configuration of ResourceX`() throws {
        try alice.home.write("config.json", #"{"registry":"http://localhost:7","kept":true}"#)
        #expect(try alice.rx("registry", "list").contains("default  http://localhost:7 (default)"))
        try alice.rx("registry", "add", "x", "http://localhost:8")
        #expect(try String(contentsOfFile: "\(alice.home.path)/config.json", encoding: .utf8).contains("\"kept\": true"))
    }

    @Test func `is told how to go on after a slip`() throws {
        fails(try alice.run("psuh", "x"), 2, "unknown command: rx psuh")
        #expect(try alice.run("psuh").error.contains("hint: did you mean rx push?"))
        #expect(try alice.run("add", "--jsno", "./x").error.contains("hint: did you mean --json?"))
        #expect(try alice.run("registry").status == 2)
        #expect(try alice.run("info", "a//b", "--json").error == #"{"code":"INVALID_LOCATOR","error":"Empty path segment"}"# + "\n")
        #expect(try alice.rx().contains("Usage: rx COMMAND"))
        #expect(try alice.rx("help", "push") == alice.rx("push", "--help"))
        #expect(try alice.rx("--version").hasPrefix("rx "))
    }
}
