import Foundation
import RxModel
import RxTesting
import Testing

@Suite struct `A registry and its users` {
    let work: TemporaryFolder
    let registry: RegistryProcess
    let alice: User
    let bob: User

    init() throws {
        work = try TemporaryFolder()
        registry = try RegistryProcess()
        alice = try User(["RX_REGISTRY": registry.url])
        bob = try User(["RX_REGISTRY": registry.url])
    }

    @discardableResult
    func put(_ content: String, tag: String = "1", _ user: User) throws -> String {
        try work.write(
            "hello/resource.json",
            #"{"name":"hello","path":"team","type":"text","tag":"\#(tag)","description":"A greeting","author":"A","x":[1]}"#)
        try work.write("hello/content", content)
        try user.rx("add", "./hello", in: work.path)
        return try user.rx("push", "team/hello:\(tag)")
    }

    @Test func `share a resource with all its metadata`() throws {
        try put("hello", alice)
        #expect(try bob.rx("search", "greet").contains("team/hello:1  text  A greeting"))
        #expect(try bob.rx("info", "team/hello").contains("Author:       A"), "asked of the registry, nothing fetched")
        #expect(try bob.rx("list") == "No resources found\n")
        try bob.rx("pull", "team/hello:1")
        let mine = try alice.run("info", "team/hello:1", "--json").json()
        let copy = try bob.run("info", "\(registry.host)/team/hello:1", "--json").json()
        for key in ["definition", "digest", "manifestDigest", "files", "size"] { #expect(mine[key] == copy[key], "\(key)") }
        let bare = try bob.run("info", "team/hello:1", environment: ["RX_REGISTRY": ""])
        #expect(
            bare.error.contains("\(registry.host)/team/hello:1"), "a bare name that is only a copy says where it came from: \(bare.error)")
    }

    @Test func `see what moved, use the copy when the network is gone, and never ask for a pinned one`() throws {
        try put("one", alice)
        #expect(try bob.rx("ingest", "team/hello:1") == "one")
        let digest = try #require(try bob.run("info", "\(registry.host)/team/hello:1", "--json").json()["digest"]?.string)
        try put("two", alice)
        #expect(try bob.rx("ingest", "team/hello:1") == "two", "the registry has another digest: pulled again")
        try put("one", alice)
        #expect(try bob.rx("ingest", "team/hello:1") == "one")
        #expect(registry.end() == 0)
        #expect(try bob.rx("ingest", "\(registry.host)/team/hello:1") == "one", "the network is gone: the copy is used")
        #expect(try bob.rx("ingest", "\(registry.host)/team/hello:1@\(digest)") == "one")
        let ended = try bob.run("pull", "team/hello:1")
        #expect(ended.status == 1)
        #expect(ended.error.hasPrefix("error: Unable to connect to \(registry.url)\n"), "\(ended.error)")
    }

    @Test func `refuse content that is not what a digest promises`() throws {
        try put("hello", alice)
        let wrong = String(repeating: "0", count: 64)
        #expect(try bob.run("pull", "team/hello:1@sha256:\(wrong)").error.hasPrefix("error: Resource not found:"))
        let blobs = try run("/usr/bin/find", ["\(registry.data.path)/blobs", "-type", "f", "-size", "5c"]).text.split(separator: "\n").map(
            String.init)
        let blob = try #require(blobs.first)
        try FileManager.default.removeItem(atPath: blob)
        try Data("jello".utf8).write(to: URL(fileURLWithPath: blob))
        try? FileManager.default.removeItem(atPath: "\(registry.data.path)/cache")
        let ended = try bob.run("pull", "team/hello:1")
        #expect(ended.status == 1, "damaged content is never delivered")
        #expect(try bob.rx("list") == "No resources found\n")
        try alice.rx("push", "team/hello:1")
        try bob.rx("pull", "team/hello:1")
    }

    @Test func `find a resource that a home served as it is`() throws {
        try put("mine", alice)
        let own = try RegistryProcess(data: alice.home)
        #expect(try bob.rx("pull", "team/hello:1", "--registry", own.url).hasPrefix("Pulled: \(own.host)/team/hello:1\n"))
    }

    @Test func `work at the same time on one home without a locked database`() throws {
        for index in 0..<6 {
            try work.write("r\(index)/resource.json", #"{"name":"r\#(index)","type":"folder"}"#)
            for file in 0..<50 { try work.write("r\(index)/f\(file)", "\(index % 2) \(file)") }
        }
        let script = """
            for round in 1 2 3; do for i in 0 1 2 3 4 5; do
              ( "$RX" add ./r$i --json >/dev/null && "$RX" push r$i >/dev/null && "$RX" list >/dev/null && "$RX" gc >/dev/null ) || echo failed >&2 &
            done; wait; done
            """
        let ended = try run(
            "/bin/bash", ["-c", script], in: work.path,
            environment: ["RX": rxBinary, "RX_HOME": alice.home.path, "RX_REGISTRY": registry.url])
        #expect(ended.error == "")
        #expect(try alice.run("list", "--json").json()["total"]?.int == 6)
        for index in 0..<6 { try bob.rx("pull", "r\(index)") }
        #expect(try run("/usr/bin/sqlite3", ["\(alice.home.path)/catalog.sqlite", "PRAGMA integrity_check"]).text == "ok\n")
    }

    @Test func `lose nothing when a client is killed in the middle of an add or a push`() throws {
        try put("kept", alice)
        try work.write("big/resource.json", #"{"name":"big","type":"folder"}"#)
        for file in 0..<400 { try work.write("big/f\(file)", String(repeating: "\(file)", count: 2000)) }
        let script = """
            for delay in 0.005 0.01 0.02 0.03 0.05 0.08; do
              "$RX" add ./big >/dev/null 2>&1 & p=$!; sleep $delay; kill -9 $p 2>/dev/null; wait $p 2>/dev/null
            done
            "$RX" add ./big >/dev/null || exit 9
            for delay in 0.01 0.02 0.04 0.06; do
              "$RX" push big >/dev/null 2>&1 & p=$!; sleep $delay; kill -9 $p 2>/dev/null; wait $p 2>/dev/null
            done
            "$RX" push big >/dev/null || exit 8
            """
        let ended = try run(
            "/bin/bash", ["-c", script], in: work.path,
            environment: ["RX": rxBinary, "RX_HOME": alice.home.path, "RX_REGISTRY": registry.url])
        #expect(ended.status == 0)
        try bob.rx("pull", "big")
        #expect(try bob.rx("ingest", "team/hello:1") == "kept")
        try alice.rx("gc", "--lease", "0")
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: "\(alice.home.path)/staging").isEmpty, "what the dead left is collected")
        #expect(try alice.rx("ingest", "team/hello:1") == "kept")
    }

    @Test func `end well: SIGTERM finishes what is in flight and exits 0, and the log is JSON`() throws {
        try work.write("large/resource.json", #"{"name":"large","type":"binary"}"#)
        let made = try run("/bin/sh", ["-c", "head -c 67108864 /dev/urandom > \"$1/large/content\"", "sh", work.path])
        #expect(made.status == 0)
        try alice.rx("add", "./large", in: work.path)
        try alice.rx("push", "large")
        let script =
            "curl -s --limit-rate 40M -o \"$1/got\" \"$2/api/v1/content/large\" & c=$!; while kill -0 $c && ! test -s \"$1/got\"; do sleep 0.02; done; kill -TERM $3; wait $c"
        let ended = try run("/bin/bash", ["-c", script, "sh", work.path, registry.url, "\(registry.id)"])
        #expect(ended.status == 0, "the download that was under way came whole")
        #expect(registry.end(0) == 0)
        for line in registry.errors.split(separator: "\n") {
            let entry = try JSON(parsing: String(line))
            for key in ["time", "method", "path", "status", "bytes", "ms", "id"] { #expect(entry[key] != nil, "\(line)") }
        }
    }

    @Test func `cannot be made to leak by long queries, whichever way they end`() throws {
        let script = """
            import socket, sys
            port = int(sys.argv[1])
            def round():
                for path in (b'/healthz?' + b'&' * 5000, b'/api/v1/search?' + b'&' * 30000, b'/healthz\\0?' + b'a&' * 8000):
                    for _ in range(300):
                        c = socket.create_connection(('127.0.0.1', port), 30)
                        c.sendall(b'GET ' + path + b' HTTP/1.1\\r\\nHost: h\\r\\n\\r\\n')
                        c.close()
            round()
            """
        func resident() throws -> Int {
            let status = try String(contentsOfFile: "/proc/\(registry.id)/status", encoding: .utf8)
            return status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }.flatMap { Int($0.split(separator: " ")[1]) } ?? 0
        }
        let port = String(registry.url.split(separator: ":").last!)
        func round() throws {
            let ended = try run("/usr/bin/env", ["python3", "-c", script, port])
            #expect(ended.status == 0, "\(ended.error)")
            _ = try registry.requestLines(0)
            Thread.sleep(forTimeInterval: 0.5)
        }
        try round()
        let before = try resident()
        for _ in 0..<3 { try round() }
        // What is still being answered goes in a moment.
        #expect(try waitUntil { try resident() - before < 8 << 10 }, "2,700 hostile requests leave nothing behind")
        #expect(try curl("\(registry.url)/healthz").status == 200)
    }

    @Test func `are warned of an address that others can reach`() throws {
        let open = try RegistryProcess("--host", "0.0.0.0")
        _ = try curl("\(open.url.replacingOccurrences(of: "0.0.0.0", with: "127.0.0.1"))/healthz")
        #expect(waitUntil { open.errors.contains("warning: listening on 0.0.0.0") })
    }
}
