import Foundation
import RxModel
import RxTesting
import Testing

@Suite struct `A resource tree` {
    /// add -> push -> pull from a fresh home -> export, with every check that other programs can make.
    func roundTrip(_ folder: String, name: String) throws {
        let registry = try RegistryProcess()
        let alice = try User(["RX_REGISTRY": registry.url])
        let bob = try User(["RX_REGISTRY": registry.url])
        let added = try alice.rx("add", folder)
        #expect(added.hasPrefix("Added resource:\n  Locator: \(name)\n"))
        #expect(try alice.rx("push", name).hasPrefix("Pushed: \(name)\n"))
        #expect(try bob.rx("pull", name).hasPrefix("Pulled: \(registry.host)/\(name)\n"))
        let out = try TemporaryFolder()
        try bob.rx("export", "\(registry.host)/\(name)", "\(out.path)/tree")
        let difference = try run(
            "/usr/bin/diff", ["-r", "--no-dereference", "-x", "resource.json", folder, "\(out.path)/tree"], seconds: 300)
        #expect(difference.status == 0, "\(difference.text.prefix(2000))")
        let modes =
            "cd \"$1\" && find . -type f ! -name resource.json -perm -u+x -printf 'x %p\\n' -o -type l -printf 'l %p %l\\n' | LC_ALL=C sort"
        let before = try run("/bin/sh", ["-c", modes, "sh", folder])
        #expect(try run("/bin/sh", ["-c", modes, "sh", "\(out.path)/tree"]).text == before.text, "executables and symlinks survive")
        for home in [alice.home, bob.home, registry.data] {
            let sums =
                "cd \"$1\"/blobs/sha256 && find . -type f -print0 | xargs -0 sha256sum | awk '{ n = split($2, p, \"/\"); if (p[n] != $1) bad++; seen++ } END { print (seen > 0), bad + 0 }'"
            #expect(
                try run("/bin/sh", ["-c", sums, "sh", home.path], seconds: 300).text == "1 0\n", "sha256sum agrees with every blob's name")
        }
        try bob.rx("export", "\(registry.host)/\(name)", "\(out.path)/tree.tar.gz")
        let listing = try run("/usr/bin/tar", ["tzf", "\(out.path)/tree.tar.gz"])
        #expect(listing.status == 0 && listing.error.isEmpty, "GNU tar reads the archive: \(listing.error)")
        let count = try #require(try bob.run("info", "--json", "\(registry.host)/\(name)").json()["fileCount"]?.int)
        #expect(listing.text.split(separator: "\n").count == count + 1, "every file and resource.json")
        #expect(registry.peakKiB < 64 << 10, "the server stays under 64 MiB: \(registry.peakKiB) KiB")
    }

    @Test func `as large as the Python standard library comes back the same`() throws {
        let folder = try TemporaryFolder()
        let place = try run("/usr/bin/env", ["python3", "-c", "import sysconfig; print(sysconfig.get_path('stdlib'))"]).text
            .trimmingCharacters(in: .newlines)
        let tree = "\(folder.path)/pylib"
        let copy = try run(
            "/bin/sh",
            ["-c", "mkdir \"$2\" && cd \"$1\" && find . -name '*.py' -print0 | tar c --null -T - | tar x -C \"$2\"", "sh", place, tree])
        #expect(copy.status == 0, "\(copy.error)")
        try folder.write("pylib/resource.json", #"{"name":"pylib","type":"folder","path":"python","tag":"3"}"#)
        let count = try run("/bin/sh", ["-c", "find \"$1\" -type f | wc -l", "sh", tree]).text.trimmingCharacters(
            in: .whitespacesAndNewlines)
        #expect((Int(count) ?? 0) > 1000)
        try roundTrip(tree, name: "python/pylib:3")
    }

    @Test func `with every kind of name, a large file, executables and symlinks comes back the same`() throws {
        let folder = try TemporaryFolder()
        let tree = "\(folder.path)/odd names"
        try folder.write("odd names/resource.json", #"{"name":"odd","type":"folder"}"#)
        for name in [
            "with space", " leading", "trailing ", "caf\u{E9}", "cafe\u{301}", "日本語/ファイル", "emoji 🎈", "quote\"'", "back\\slash",
            "tab\there", "-dash", "a=b&c",
        ] {
            try folder.write("odd names/\(name)", "content of \(name)")
        }
        try folder.write("odd names/empty", "")
        try folder.write("odd names/deep/er/and/deeper/empty", "")
        try folder.write("odd names/bin/run", "#!/bin/sh\necho hi\n", executable: true)
        for (link, target) in [("link", "with space"), ("bin/up", "../empty"), ("folder link", "deep/er"), ("dangling", "not/there")] {
            try FileManager.default.createSymbolicLink(atPath: "\(tree)/\(link)", withDestinationPath: target)
        }
        let large = try run("/bin/sh", ["-c", "head -c 314572800 /dev/urandom > \"$1/large\"", "sh", tree])
        #expect(large.status == 0)
        try roundTrip(tree, name: "odd")
    }
}
