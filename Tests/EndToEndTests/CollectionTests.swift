import Foundation
import RxModel
import RxTesting
import Testing

@Suite struct `Collecting garbage` {
    private let work: TemporaryFolder

    init() throws {
        work = try TemporaryFolder()
        try work.write("a/resource.json", #"{"name":"a","type":"text"}"#)
        try work.write("a/content", "only a")
    }

    @Test func `is told whole to programs`() throws {
        let alice = try User()
        try alice.rx("add", "./a", in: work.path)
        try alice.rx("remove", "a")
        for arguments in [["--dry-run"], []] {
            let report = try run(rxBinary, ["gc", "--json"] + arguments, environment: ["RX_HOME": alice.home.path]).json()
            #expect(report["dryRun"]?.bool == !arguments.isEmpty && report["complete"]?.bool == true)
            #expect(report["blobs"]?.int == 2 && report["bytes"]?.int == 8 && report["manifests"]?.int == 1)
            #expect(report["referrers"]?.int == 0 && report["leftovers"]?.int == 0)
            #expect(report["leftoversByKind"]?.object?.count == 5 && report["kept"]?["tagged"]?.int == 0)
            #expect(report["seconds"] != nil)
        }
        #expect(try alice.run("gc", "--untagged", "later").status == 2)
        for rule in ["keep", "delete", "7d"] { #expect(try alice.run("gc", "--untagged", rule).status == 0) }
    }

    @Test func `is done by a server now and then`() throws {
        let home = try TemporaryFolder()
        let environment = ["RX_HOME": home.path]
        _ = try run(rxBinary, ["add", "./a"], in: work.path, environment: environment)
        _ = try run(rxBinary, ["remove", "a"], environment: environment)
        let registry = try RegistryProcess(data: home, "--gc-interval", "1s", "--gc-untagged", "keep")
        #expect(waitUntil { registry.errors.contains("gc deleted 0 blobs") })
        let lines = try registry.requestLines(0)
        let reports = lines.filter { $0["event"]?.string?.hasPrefix("gc ") == true }.compactMap { $0["report"] }
        // What lost its tag stays by this server's rule, and with it what it names.
        #expect(reports.first?["kept"]?["untagged"]?.int == 1 && reports.first?["kept"]?["named"]?.int == 2)
        let other = try RegistryProcess(data: home, "--gc-interval", "1s")
        #expect(waitUntil { other.errors.contains("gc deleted 0 blobs") }, "it lost its tag just now: a client may be reading it")
        let script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('UPDATE untagged SET since = since - 3600'); "
        let aged = try run("/usr/bin/env", ["python3", "-c", script + "c.commit()", "\(home.path)/catalog.sqlite"])
        #expect(aged.status == 0, "\(aged.error)")
        #expect(waitUntil { other.errors.contains("gc deleted 2 blobs (8 bytes), 1 manifests") })
    }
}
