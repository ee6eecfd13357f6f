import Foundation
import RxModel
import RxTesting
import Testing

@Suite struct `Files and modules of a registry` {
    let work: TemporaryFolder
    let registry: RegistryProcess
    let alice: User

    init() throws {
        work = try TemporaryFolder()
        registry = try RegistryProcess()
        alice = try User(["RX_REGISTRY": registry.url])
        try work.write(
            "tools/resource.json",
            #"{"name":"tools","path":"acme","type":"module","tag":"1.2.0","provides":{"python":["acme_tools"],"node":["@acme/tools"]}}"#)
        try work.write("tools/acme_tools/__init__.py", "VALUE = 7\n")
        try work.write("tools/acme_tools/data.json", "{}\n")
        try FileManager.default.createSymbolicLink(atPath: work.path + "/tools/link", withDestinationPath: "acme_tools")
        try alice.rx("add", "./tools", in: work.path)
        try alice.rx("push", "acme/tools:1.2.0")
    }

    @Test func `are read by curl`() throws {
        let digest = try #require(try alice.run("info", "acme/tools:1.2.0", "--json").json()["manifestDigest"]?.string)
        let pinned = "\(registry.url)/r/acme/tools@\(digest)"
        let moved = try curl("\(registry.url)/r/acme/tools/acme_tools/__init__.py")
        #expect(moved.status == 302 && moved.headers["location"] == "/r/acme/tools@\(digest)/acme_tools/__init__.py")
        for path in ["acme_tools/__init__.py", "link/__init__.py"] {
            let answer = try curl("\(pinned)/\(path)")
            #expect(answer.status == 200 && answer.body == Data("VALUE = 7\n".utf8), "\(path)")
            #expect(answer.headers["cache-control"] == "public, max-age=31536000, immutable")
            #expect(answer.headers["content-type"] == "text/plain; charset=utf-8" && answer.headers["content-security-policy"] == "sandbox")
        }
        let etag = try #require(try curl("\(pinned)/acme_tools/data.json").headers["etag"])
        #expect(try curl("-H", "If-None-Match: \(etag)", "\(pinned)/acme_tools/data.json").status == 304)
        #expect(try curl("-r", "0-0", "\(pinned)/acme_tools/data.json").body == Data("{".utf8))
        let list = try JSON(parsing: [UInt8](curl("-H", "Accept: application/json", "\(pinned)/acme_tools/").body))
        #expect(list["entries"]?.array?.compactMap { $0["name"]?.string } == ["__init__.py", "data.json"])
        #expect(try curl("\(pinned)/acme_tools").headers["location"] == "/r/acme/tools@\(digest)/acme_tools/")
        for path in ["../../../../etc/passwd", "%2e%2e/%2e%2e/etc/passwd", "acme_tools/..%2f..%2fx", "acme_tools%00"] {
            #expect(try curl("--path-as-is", "\(pinned)/\(path)").status == 400, "\(path)")
        }
        let follow = try run("curl", ["-sSL", "--fail", "\(registry.url)/r/acme/tools/acme_tools/__init__.py"])
        #expect(follow.status == 0 && follow.text == "VALUE = 7\n")
    }

    @Test func `finds who provides a module, here, at a registry and by a name alone`() throws {
        let bob = try User(["RX_REGISTRY": registry.url])
        let digest = try #require(try alice.run("info", "acme/tools:1.2.0", "--json").json()["manifestDigest"]?.string)
        let shown = try bob.rx("search", "--provides", "python:acme_tools")
        #expect(shown == "Found 1 resource(s) that provide python:acme_tools:\n  \(registry.host)/acme/tools:1.2.0  \(digest)  \n")
        #expect(try bob.rx("search", "acme_tools").contains("acme/tools:1.2.0"), "its name is a word to search by")
        let json = try bob.run("search", "--provides", "node:@acme/tools", "--json").json()
        #expect(json["total"] == 1 && json["module"] == "node:@acme/tools")
        #expect(json["providers"]?.array?.first?["digest"]?.string == digest && json["providers"]?.array?.first?["declared"] == true)
        #expect(try bob.rx("search", "--provides", "python:acme_tools", "--local") == "No resource provides python:acme_tools\n")
        #expect(try alice.rx("search", "--provides", "python:acme_tools", "--local").contains("  acme/tools:1.2.0  "))
        try work.write("plain/resource.json", #"{"name":"plain_mod","type":"module"}"#)
        try work.write("plain/plain_mod.py", "")
        try alice.rx("add", "./plain", in: work.path)
        try alice.rx("push", "plain_mod")
        #expect(try bob.rx("search", "--provides", "python:plain_mod").contains("by its name"))
        for (arguments, message) in [
            (
                ["search", "--provides", "acme_tools"],
                "--provides: \"acme_tools\" is no module: write LANGUAGE:NAME, such as python:acme_tools"
            ),
            (["search", "--provides", "python:x", "word"], "--provides goes without words to search for"),
        ] {
            let ended = try run(rxBinary, arguments, environment: ["RX_HOME": bob.home.path])
            #expect(ended.status == 2 && ended.error.contains(message), "\(ended.error)")
        }
    }

    @Test func `a definition that names no module is refused where it is added`() throws {
        try work.write("bad/resource.json", #"{"name":"bad","type":"module","provides":{"python":["acme-tools"]}}"#)
        try work.write("bad/a.py", "")
        let ended = try alice.run("add", "./bad", in: work.path)
        #expect(ended.status == 1 && ended.error.contains("provides.python[0] is no Python identifier"), "\(ended.error)")
    }
}
