import Foundation
import RxModel
import RxPosix
import RxTesting
import Testing

@Suite struct `Folders that rx writes` {
    let work: TemporaryFolder
    let alice: User

    init() throws {
        work = try TemporaryFolder()
        alice = try User()
        try work.write("tree/resource.json", #"{"name":"tree","type":"data","version":"1"}"#)
        for number in 0..<200 { try work.write("tree/part\(number % 7)/file\(number)", "\(number)\n") }
        try work.write("tree/run", "#!/bin/sh\n", executable: true)
        try work.write("tree/large", Data((0..<1_200_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }))
    }

    func same(_ a: String, _ b: String) throws -> Bool { try run("/usr/bin/diff", ["-r", "-x", "resource.json", a, b]).status == 0 }

    @Test func `are pulled, linked, brought up to date and told of`() throws {
        let registry = try RegistryProcess()
        let environment = ["RX_REGISTRY": registry.url]
        try alice.rx("add", "./tree", in: work.path)
        #expect(try alice.run("push", "tree:1", environment: environment).text.contains("\n  Sent: 202 of 202 files, "))
        let unchanged = try alice.run("push", "tree:1", environment: environment)
        #expect(unchanged.text.contains("\n  Sent: 0 of 202 files, ") && unchanged.text.hasSuffix(" (202 reused)\n"), "\(unchanged.text)")
        let bob = try User(environment)
        let out = "\(work.path)/out"
        let first = try bob.rx("pull", "tree:1", "--to", out, "--link")
        #expect(first.contains("\n  Received: 202 of 202 files, ") && first.contains("\n  Written: 202 files, "), "\(first)")
        #expect(first.hasSuffix(" (201 linked)\n"), "what can be executed is no link")
        #expect(try same("\(work.path)/tree", out))
        #expect(FileManager.default.isExecutableFile(atPath: "\(out)/run"))
        usleep(20_000)
        let again = try bob.run("pull", "tree:1", "--to", out, "--link", "--json").json()
        #expect(again["folder"]?["kept"]?.int == 202 && again["folder"]?["written"]?.int == 0 && again["target"]?.string == out)
        #expect(again["transfer"]?["sentBlobs"]?.int == 0 && again["transfer"]?["reusedBlobs"]?.int == 202)
        try work.write("tree/part1/file1", "another\n")
        try FileManager.default.removeItem(atPath: "\(work.path)/tree/part2")
        try alice.rx("add", "./tree", in: work.path)
        #expect(try alice.run("push", "tree:1", environment: environment).text.contains("\n  Sent: 1 of 173 files, "))
        let update = try bob.rx("pull", "tree:1", "--to", out, "--link")
        #expect(update.hasSuffix("\n  Written: 1 file, 8 B (172 kept, 1 linked, 29 removed)\n"), "\(update)")
        #expect(try same("\(work.path)/tree", out))
        try work.write("out/part3/file3", "mine")
        let refused = try bob.run("pull", "tree:1", "--to", out)
        #expect(refused.status == 1)
        #expect(refused.error.contains("error: \(out) has a file that is not as rx wrote it: \"part3/file3\"\nhint: nothing was changed; "))
        for (words, error) in [
            (["pull", "tree:1", "--link"], "--link needs --to FOLDER"), (["pull", "tree:1", "--to="], "the folder to write has no name"),
            (["export", "tree:1", "x.tgz", "--force"], "--force is for folders, and x.tgz is an archive"),
        ] {
            let ended = try run(rxBinary, words, in: work.path, environment: ["RX_HOME": bob.home.path])
            #expect(ended.status == 2 && ended.error.hasPrefix("error: \(error)\n"), "\(ended.error)")
        }
    }

    @Test(arguments: ["xfs", "btrfs"]) func `share the store's bytes where the file system can`(_ kind: String) throws {
        let make = "/usr/sbin/mkfs.\(kind)"
        // Only root may mount, and not everywhere.
        guard getuid() == 0, FileManager.default.isExecutableFile(atPath: make) else { return }
        let image = "\(work.path)/image"
        let mount = "\(work.path)/mounted"
        try FileManager.default.createDirectory(atPath: mount, withIntermediateDirectories: false)
        _ = try run("/usr/bin/truncate", ["-s", "512M", image])
        guard try run(make, [kind == "xfs" ? "-q" : "-f", image]).status == 0,
            try run("/bin/mount", ["-o", "loop", image, mount]).status == 0
        else {
            return
        }
        defer { _ = try? run("/bin/umount", ["-l", mount]) }
        try work.write("tree/huge", Data(count: 20 << 20))
        let home = ["RX_HOME": "\(mount)/home"]
        #expect(try alice.run("add", "./tree", in: work.path, environment: home).status == 0)
        let before = try free(mount)
        let folder = try alice.run("export", "tree:1", "\(mount)/out", "--json", environment: home).json()["folder"]
        #expect(folder?["cloned"]?.int == 203 && folder?["written"]?.int == 203, "\(String(describing: folder))")
        #expect(try same("\(work.path)/tree", "\(mount)/out"))
        #expect(before - (try free(mount)) < 10 << 20, "the 20 MiB are there once")
        // A clone is a file of its own.
        try "mine".write(toFile: "\(mount)/out/huge", atomically: false, encoding: .utf8)
        try FileManager.default.removeItem(atPath: "\(mount)/out/run")
        #expect(try alice.run("export", "tree:1", "\(mount)/out", "--force", environment: home).text.contains("(201 kept, 2 cloned)"))
        #expect(try same("\(work.path)/tree", "\(mount)/out"))
        // To another file system nothing can be shared.
        let other = try alice.run("export", "tree:1", "\(work.path)/other", "--link", environment: home)
        #expect(other.text.contains("\n  Written: 203 files, ") && !other.text.contains("linked") && !other.text.contains("cloned"))
        #expect(try same("\(work.path)/tree", "\(work.path)/other"))
    }

    func free(_ path: String) throws -> Int {
        _ = try run("/bin/sync", ["-f", path])
        let values = try FileManager.default.attributesOfFileSystem(forPath: path)
        return (values[.systemFreeSize] as? NSNumber)?.intValue ?? 0
    }

    /// Imports an archive that comes slowly, with standard error as it is asked for; gives what was written to it.
    func slowImport(_ style: String, _ words: String...) throws -> String {
        let script = """
            import os, pty, select, subprocess, sys, threading, time
            style, archive, fifo, words = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
            os.mkfifo(fifo)
            def feed():
                with open(archive, "rb") as source, open(fifo, "wb", buffering=0) as sink:
                    data = source.read()
                    step = len(data) // 14 + 1
                    for start in range(0, len(data), step):
                        sink.write(data[start:start + step])
                        time.sleep(0.2)
            threading.Thread(target=feed).start()
            words.insert(2, fifo)
            above, below = pty.openpty() if style == "terminal" else os.pipe()
            process = subprocess.Popen(words, stderr=below, stdout=subprocess.DEVNULL)
            os.close(below)
            out = b""
            while True:
                try: part = os.read(above, 65536)
                except OSError: break
                if not part: break
                out += part
            assert process.wait() == 0, out
            sys.stdout.buffer.write(out)
            """
        let ended = try run(
            "/usr/bin/python3",
            ["-c", script, style, "\(work.path)/noise.tar.gz", "\(work.path)/\(RandomName.make())", rxBinary, "import"]
                + words, in: work.path, environment: ["RX_HOME": alice.home.path])
        #expect(ended.status == 0, "\(ended.error)")
        return ended.text
    }

    @Test func `are not the only work that shows its progress`() throws {
        try work.write("noise/resource.json", #"{"name":"noise","type":"data"}"#)
        var random = SystemRandomNumberGenerator()
        try work.write("noise/data", Data((0..<3_000_000).map { _ in UInt8.random(in: 0...255, using: &random) }))
        try alice.rx("add", "./noise", in: work.path)
        try alice.rx("export", "noise", "\(work.path)/noise.tar.gz")
        let bar = try slowImport("terminal")
        #expect(bar.contains("\rimporting  ") && bar.contains("MiB/s") && bar.hasSuffix("\r\u{1B}[K"), "\(bar.debugDescription)")
        let begun = Clock.monotonic
        let lines = try slowImport("pipe")
        // One for more than two seconds, and one for each five that it takes longer on a loaded machine.
        let most = 1 + (Clock.monotonic - begun) / 5_000_000_000
        #expect(lines.hasPrefix("importing: ") && 1...most ~= lines.split(separator: "\n").count, "\(lines)")
        let events = try slowImport("pipe", "--json").split(separator: "\n").map { try JSON(parsing: String($0)) }
        #expect(events.first?["event"]?.string == "begin" && events.last?["event"]?.string == "end")
        #expect(events.count > 5 && events.dropFirst().dropLast().allSatisfy { $0["event"]?.string == "progress" })
        #expect(events.last?["bytes"]?.int ?? 0 > 2_900_000 && events[0]["what"]?.string == "importing")
        #expect(try slowImport("pipe", "--quiet") == "" && slowImport("pipe", "--quiet", "--json") == "")
    }
}
