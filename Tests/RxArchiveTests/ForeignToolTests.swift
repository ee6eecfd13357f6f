import Foundation
@testable import RxArchive
import RxModel
import RxTesting
import Testing

/// GNU tar and bsdtar judge what is written, and write what is read.
@Suite struct `other tar programs` {
    @Test(arguments: ["tar", "bsdtar"], ["C.UTF-8", "C"]) func `list and extract what is written here`(program: String, locale: String)
        throws
    {
        let blobs = Blobs()
        let tree = try sampleTree(blobs)
        let folder = try TemporaryFolder()
        try folder.write("tree.tar.gz", write(tree, blobs))
        guard let listed = try run(program, ["tvzf", "tree.tar.gz"], in: folder.path, locale: locale) else { return }
        #expect(listed.status == 0, "\(listed.text)")
        #expect(listed.text.split(separator: "\n").count == tree.count, "\(listed.text)")
        #expect(listed.text.contains("bin/run"))

        try FileManager.default.createDirectory(atPath: folder.path + "/out", withIntermediateDirectories: true)
        let extracted = try #require(try run(program, ["xzf", "tree.tar.gz", "-C", "out"], in: folder.path, locale: locale))
        #expect(extracted.status == 0, "\(extracted.text)")
        for file in tree {
            let path = folder.path + "/out/" + file.path.text
            if let target = file.symlink {
                let found = try FileManager.default.destinationOfSymbolicLink(atPath: path)
                #expect(Array(found.utf8) == Array(target.utf8))
            } else {
                #expect(FileManager.default.contents(atPath: path).map { [UInt8]($0) } == blobs.content[file.digest], "\(file.path)")
                #expect(FileManager.default.isExecutableFile(atPath: path) == file.executable)
            }
        }
    }

    static let dialects = [
        ["tar", "--format=gnu"], ["tar", "--format=posix"], ["tar", "--format=ustar"], ["tar", "--format=oldgnu"], ["tar", "--format=v7"],
        ["bsdtar", "--format=pax"], ["bsdtar", "--format=gnutar"], ["bsdtar", "--format=ustar"],
    ]

    @Test(arguments: dialects, ["C.UTF-8", "C"]) func `write what is read here`(dialect: [String], locale: String) throws {
        let folder = try TemporaryFolder()
        let isOld = ["v7", "ustar"].contains { dialect[1].hasSuffix($0) }
        let long = isOld ? "long" : String(repeating: "long-folder-name/", count: 12) + "file.txt"
        try folder.write("in/" + long, "deep\n")
        try folder.write("in/bin/run", "#!/bin/sh\n", executable: true)
        if dialect[0] == "tar" || locale != "C" {
            try folder.write("in/caf\u{E9}", "composed\n")
            try folder.write("in/cafe\u{301}", "decomposed\n")
        }
        try folder.write("in/empty", "")
        try FileManager.default.createSymbolicLink(atPath: folder.path + "/in/link", withDestinationPath: "bin/run")
        try FileManager.default.linkItem(atPath: folder.path + "/in/bin/run", toPath: folder.path + "/in/same")
        guard let made = try run(dialect[0], [dialect[1], "-czf", "tree.tar.gz", "-C", "in", "."], in: folder.path, locale: locale) else {
            return
        }
        #expect(made.status == 0, "\(made.text)")

        let blobs = Blobs()
        let files = try readArchive(
            BytesSource([UInt8](Data(contentsOf: folder.url.appendingPathComponent("tree.tar.gz")))), stage: blobs.stage)
        var expected = ["bin/run", "empty", "link", "same", long]
        if dialect[0] == "tar" || locale != "C" { expected += ["caf\u{E9}", "cafe\u{301}"] }
        #expect(Set(files.map { Array($0.path.text.utf8) }) == Set(expected.map { Array($0.utf8) }))
        #expect(files.count == expected.count)
        for file in files {
            #expect(file.executable == ["bin/run", "same"].contains(file.path.text))
            #expect(file.symlink == (file.path.text == "link" ? "bin/run" : nil))
            if file.path.text == "same" { #expect(blobs.content[file.digest] == Array("#!/bin/sh\n".utf8)) }
        }
    }

    @Test(arguments: [
        ["tar", "-S", "--format=gnu"], ["tar", "-S", "--format=posix"], ["tar", "-S", "--sparse-version=0.1", "--format=posix"],
        ["bsdtar", "--format=pax"],
    ])
    func `sparse files are read with their holes`(command: [String]) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("in/sparse", "begin")
        let handle = try #require(FileHandle(forWritingAtPath: path))
        for part in 1...40 {
            try handle.seek(toOffset: UInt64(part) * 100_000)
            try handle.write(contentsOf: Data("part \(part)".utf8))
        }
        try handle.truncate(atOffset: 5_000_000)
        try handle.close()
        let arguments = command.dropFirst() + ["-czf", "tree.tar.gz", "-C", "in", "sparse"]
        guard let made = try run(command[0], Array(arguments), in: folder.path) else { return }
        #expect(made.status == 0, "\(made.text)")
        let blobs = Blobs()
        let files = try readArchive(
            BytesSource([UInt8](Data(contentsOf: folder.url.appendingPathComponent("tree.tar.gz")))), stage: blobs.stage)
        #expect(files.map(\.path.text) == ["sparse"])
        #expect(files.map(\.size) == [5_000_000])
        #expect(blobs.content[files[0].digest] == [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))))
    }

    @Test func `what git archive writes is read`() throws {
        let folder = try TemporaryFolder()
        try folder.write("a/b.txt", "text\n")
        let script =
            "git init -q . && git add . && git -c user.name=a -c user.email=a@b commit -qm x && git archive --prefix=top/ -o x.tar.gz HEAD"
        guard let made = try run("env", ["HOME=" + folder.path, "sh", "-c", script], in: folder.path), made.status == 0 else { return }
        let files = try read([UInt8](Data(contentsOf: folder.url.appendingPathComponent("x.tar.gz"))))
        #expect(files.map(\.path.text) == ["top/a/b.txt"])
    }

    @Test(arguments: ["", "ascii"]) func `link targets in extended headers are read`(short: String) throws {
        for target in ["\u{E9}", "e\u{301}", String(repeating: "\u{6F22}", count: 60), String(repeating: "t", count: 200)] {
            let symlink = try read(gzip(RawTar().pax("linkpath", target).entry("l", kind: "2", target: short).closed))
            #expect(symlink.map { $0.symlink.map { Array($0.utf8) } } == [Array(target.utf8)])
            let long = RawTar().entry("K", kind: "K", content: Array((target + "\0").utf8)).entry("l", kind: "2", target: short)
            #expect(try read(gzip(long.closed)).map { $0.symlink.map { Array($0.utf8) } } == [Array(target.utf8)])
            let file = RawTar().pax("path", target).entry("a", content: [1, 2, 3])
            let copies = try read(gzip(file.pax("linkpath", target).entry("z", kind: "1", target: short).closed))
            #expect(Set(copies.map(\.path.text)) == [target, "z"])
            #expect(copies.map(\.size) == [3, 3])
        }
    }

    @Test(arguments: ["tar", "bsdtar"]) func `understand a size that octal digits do not hold`(program: String) throws {
        let size = 9 << 30
        let header = TarHeader(path: try FilePath(parsing: "big"), size: size, executable: false, symlink: nil).bytes
        #expect(header.count == 3 * 512)
        for bytes in [header, Array(header.suffix(512))] {
            let folder = try TemporaryFolder()
            try folder.write("big.tar", bytes)
            guard let listed = try run(program, ["tvf", "big.tar"], in: folder.path) else { return }
            #expect(listed.text.contains(" \(size) ") && listed.text.contains(" big"), "\(listed.text)")
        }
    }
}
