import RxArchive
import RxModel
import RxTesting
import Testing

@Suite struct `hostile archives` {
    private func refusal(_ tar: [UInt8], limits: ArchiveLimits = ArchiveLimits()) throws -> String? {
        do {
            let files = try read(gzip(tar), limits: limits)
            return "read \(files.map(\.path.text))"
        } catch let error as ContentError {
            return error.message
        }
    }

    private func refusal(_ tar: RawTar, limits: ArchiveLimits = ArchiveLimits()) throws -> String? {
        try refusal(tar.closed, limits: limits)
    }

    @Test func `names that leave the root are refused`() throws {
        for (name, shown, reason) in [
            ("/etc/passwd", "/etc/passwd", "absolute paths are not allowed"),
            (".//etc/passwd", "/etc/passwd", "absolute paths are not allowed"),
            ("../x", "../x", "the path leaves the root"),
            ("a/../../x", "a/../../x", "the path leaves the root"),
            ("./..", "..", "the path leaves the root"),
            ("a//b", "a//b", "a segment is empty or '.'"),
            ("a/./b", "a/./b", "a segment is empty or '.'"),
        ] {
            #expect(try refusal(RawTar().entry(name)) == "entry \"\(shown)\": \(reason)")
            #expect(try refusal(RawTar().pax("path", name).entry("fine")) == "entry \"\(shown)\": \(reason)")
            #expect(try refusal(RawTar().entry(name + "/", kind: "5").entry("fine")) == "entry \"\(shown)\": \(reason)")
        }
        #expect(try refusal(RawTar().entry("/", kind: "5").entry("fine")) == "entry \"/\": absolute paths are not allowed")
    }

    /// The sums of lengths would overflow, and what was counted before would count for nothing.
    @Test(arguments: ["GNU.sparse.realsize", "GNU.sparse.size"], ["-5", "-9223372036854775807", "-9223372036854775808"])
    func `a length below 0 is refused`(key: String, length: String) throws {
        let tar = RawTar().pax(key, length).entry("first").entry("second", content: [1])
        #expect(try refusal(tar) == #"entry "first": its length is below 0"#)
        #expect(throws: ContentError(#"entry "first": its length is below 0"#)) {
            try readArchive(BytesSource(try gzip(tar.closed)), select: { $0.text == "first" ? nil : $0 }, stage: { try Blobs().stage($0) })
        }
        let stream = RawTar().pax(key, length).entry("oci-layout").blob([1])
        #expect(throws: ContentError(#"entry "oci-layout": its length is below 0"#)) {
            let reader = try BatchReader(BytesSource(stream.closed))
            while try reader.next() != nil {}
        }
    }

    @Test func `names that are not text are refused`() throws {
        #expect(try refusal(RawTar().entry(bytes: [0x61, 0xFF])) == "entry \"a\u{FFFD}\": the name is not UTF-8")
        #expect(try refusal(RawTar().pax([("path", [0x61, 0xFF])]).entry("fine")) == "entry \"a\u{FFFD}\": the name is not UTF-8")
        #expect(try refusal(RawTar().entry("a\nb")) == #"entry "a\nb": a name may not hold a newline or NUL"#)
        #expect(try refusal(RawTar().pax("path", "a\nb").entry("fine")) == #"entry "a\nb": a name may not hold a newline or NUL"#)
        #expect(try refusal(RawTar().pax("path", "a\0b").entry("fine")) == #"entry "a\u0000b": a name may not hold a newline or NUL"#)
        #expect(
            try refusal(RawTar().entry("x", kind: "L", content: Array("a\0b\0".utf8)).entry("x"))
                == #"entry "a\u0000b": a name may not hold a newline or NUL"#)
        #expect(
            try refusal(RawTar().pax("linkpath", "a\0b").entry("l", kind: "2"))
                == #"entry "a\u0000b": a name may not hold a newline or NUL"#)
        #expect(try refusal(RawTar().pax([("path", [])]).entry("")) == "entry \"\": the name is empty")
    }

    @Test func `a NUL is found wherever the headers lie`() throws {
        for size in stride(from: (256 << 10) - 4096, through: 256 << 10, by: 512) {
            let records = [("comment", [UInt8](repeating: 0x63, count: 1500)), ("path", Array("a\0b".utf8))]
            let tar = RawTar().entry("a", content: noise(size)).pax(records).entry("fine")
            let found = try refusal(tar)
            #expect(found == #"entry "a\u0000b": a name may not hold a newline or NUL"#)
        }
    }

    @Test(arguments: [("3", "devices"), ("4", "devices"), ("6", "fifos")] as [(Character, String)])
    func `devices and fifos are refused`(kind: Character, name: String) throws {
        #expect(try refusal(RawTar().entry("dev/x", kind: kind)) == "entry \"dev/x\": \(name) are not allowed")
    }

    @Test(arguments: ["M", "D", "N", "A", "s", "8", "Z"] as [Character]) func `other kinds of entries are refused`(kind: Character) throws {
        let message = try #require(try refusal(RawTar().entry("odd", kind: kind).entry("fine")))
        #expect(!message.hasPrefix("read"), "\(message)")
    }

    @Test func `a name that appears twice is refused`() throws {
        let twice = #"entry "a": the name appears twice"#
        #expect(try refusal(RawTar().entry("a").entry("a")) == twice)
        #expect(try refusal(RawTar().entry("a").entry("./a")) == twice)
        #expect(try refusal(RawTar().entry("a/", kind: "5").entry("a")) == twice)
        #expect(try refusal(RawTar().entry("a").entry("a/", kind: "5")) == twice)
        #expect(try refusal(RawTar().entry("a", kind: "2", target: "b").entry("a")) == twice)
        #expect(try refusal(RawTar().entry("d/", kind: "5").entry("d", kind: "5").entry("./d/x")) == #"read ["d/x"]"#)
    }

    @Test func `entries below a file or a symlink are refused`() throws {
        #expect(try refusal(RawTar().entry("a").entry("a/b")) == #"entry "a/b": "a" is a file, not a folder"#)
        #expect(try refusal(RawTar().entry("a/b").entry("a")) == #"entry "a/b": "a" is a file, not a folder"#)
        #expect(try refusal(RawTar().entry("a").entry("a-b").entry("a.b").entry("a/b/c")) == #"entry "a/b/c": "a" is a file, not a folder"#)
        #expect(try refusal(RawTar().entry("a", kind: "2", target: "b").entry("a/b")) == #"entry "a/b": "a" is a file, not a folder"#)
        #expect(
            try refusal(RawTar().entry("a", kind: "2", target: "b").entry("a/b/", kind: "5"))
                == #"entry "a/b": "a" is a file, not a folder"#)
    }

    @Test func `symlinks that leave the root are refused`() throws {
        #expect(
            try refusal(RawTar().entry("a/l", kind: "2", target: "../../x")) == #"entry "a/l": the symlink to "../../x" leaves the root"#)
        #expect(try refusal(RawTar().entry("l", kind: "2", target: "/etc")) == #"entry "l": the symlink to "/etc" leaves the root"#)
        #expect(
            try refusal(RawTar().entry("d/up", kind: "2", target: "..").entry("l", kind: "2", target: "d/up/../x"))
                == #"entry "l": the symlink to "d/up/../x" leaves the root"#)
        #expect(try refusal(RawTar().pax([("linkpath", [0xFF])]).entry("l", kind: "2")) == #"entry "l": the symlink's target is not UTF-8"#)
        #expect(try refusal(RawTar().entry("l", kind: "2")) == #"entry "l": the symlink to "" has an empty, too long or broken target"#)
    }

    @Test func `hard links lead to an earlier file or are refused`() throws {
        func refused(_ target: String) -> String {
            "entry \"l\": the hard link to \"\(target)\" does not lead to an earlier file of the archive"
        }
        let file = RawTar().entry("a", content: [1, 2, 3], mode: 0o755)
        let copies = try read(gzip(file.entry("l", kind: "1", target: "./a").entry("m", kind: "1", target: "l").closed))
        #expect(copies.map(\.path.text) == ["a", "l", "m"])
        #expect(Set(copies.map(\.digest)).count == 1)
        #expect(copies.allSatisfy { $0.executable && $0.size == 3 })
        #expect(try refusal(file.entry("l", kind: "1", target: "b")) == refused("b"))
        #expect(try refusal(file.pax("comment", "pax").entry("l", kind: "1", content: [4], target: "a")) == refused("a"))
        #expect(try refusal(file.entry("l", kind: "1", target: "l")) == refused("l"))
        #expect(try refusal(file.entry("l", kind: "1", target: "/a")) == refused("/a"))
        #expect(try refusal(file.entry("l", kind: "1", target: "../a")) == refused("../a"))
        #expect(try refusal(RawTar().entry("l", kind: "1", target: "a").entry("a")) == refused("a"))
        #expect(try refusal(RawTar().entry("a", kind: "2", target: "b").entry("l", kind: "1", target: "a")) == refused("a"))
        #expect(try refusal(RawTar().entry("a/", kind: "5").entry("l", kind: "1", target: "a")) == refused("a"))
    }

    @Test func `copies through hard links count as unpacked bytes`() throws {
        var tar = RawTar().entry("a", content: noise(1000))
        for index in 0..<10 { tar = tar.entry("l\(index)", kind: "1", target: "a") }
        #expect(
            try refusal(tar, limits: ArchiveLimits(maxUnpackedBytes: 10_999))
                == #"entry "l9": the archive unpacks to more than 10999 bytes"#)
        #expect(try read(gzip(tar.closed), limits: ArchiveLimits(maxUnpackedBytes: 11_000)).count == 11)
    }

    @Test func `folders count as entries`() throws {
        let tar = RawTar().entry("d/", kind: "5").entry("d/e/", kind: "5").entry("d/e/f")
        #expect(try refusal(tar, limits: ArchiveLimits(maxEntries: 2)) == #"entry "d/e/f": the archive holds more than 2 entries"#)
        #expect(try refusal(tar, limits: ArchiveLimits(maxEntries: 3)) == #"read ["d/e/f"]"#)
    }

    @Test func `names may not fill the memory`() throws {
        let tar = RawTar().entry("aaaa").entry("bbbb").entry("l", kind: "2", target: "aaaa")
        #expect(
            try refusal(tar, limits: ArchiveLimits(maxNameBytes: 12)) == #"entry "l": the names in the archive take more than 12 bytes"#)
        #expect(try refusal(tar, limits: ArchiveLimits(maxNameBytes: 13)) == #"read ["aaaa", "bbbb", "l"]"#)
        let records = (0..<31).reduce(RawTar()) { tar, _ in tar.pax("comment", String(repeating: "c", count: 900_000)) }
        #expect(try refusal(records.entry("a")) == "the headers of an entry take more than 4194304 bytes")
        #expect(try refusal((0..<40).reduce(RawTar()) { tar, _ in tar.pax("comment", "c") }.entry("a"))?.hasPrefix("read") == false)
        #expect(
            try refusal(RawTar().pax("path", String(repeating: "p", count: 2_000_000)).entry("a"))?.hasPrefix(
                "the archive cannot be read: ") == true)
    }

    @Test func `an archive without a file is refused as such`() throws {
        for tar in [RawTar(), RawTar().entry("d/", kind: "5"), RawTar().entry("./", kind: "5")] {
            #expect(throws: ContentError("the archive holds no file", code: .contentRequired)) { try read(gzip(tar.closed)) }
        }
    }

    @Test func `what is no tar is refused`() throws {
        #expect(try refusal([UInt8]())?.hasPrefix("the archive cannot be read: ") == true)
        #expect(try refusal(noise(10_000)) == "the archive cannot be read: Unrecognized archive format")
        #expect(try refusal(Array("just some text".utf8)) == "the archive cannot be read: Unrecognized archive format")
    }

    @Test func `data after the end is refused, padding is not`() throws {
        let tar = RawTar().entry("a", content: [1]).closed
        #expect(try refusal(tar + [1]) == "data after the end of the archive")
        #expect(try refusal(tar + RawTar().entry("b").closed) == "data after the end of the archive")
        #expect(try refusal(tar.dropLast(512) + RawTar().entry("b").closed) == "data after the end of the archive")
        #expect(try refusal(tar + [UInt8](repeating: 0, count: 600_000)) == #"read ["a"]"#)
        #expect(try refusal(tar + [UInt8](repeating: 0, count: 600_000) + [1]) == "data after the end of the archive")
    }

    @Test func `a header that promises more than there is is refused`() throws {
        #expect(try refusal(RawTar().entry("a", content: [1, 2, 3], size: 5000)) == #"entry "a": Truncated tar archive"#)
        #expect(try refusal(RawTar().entry("a", size: 9000).entry("b").bytes) == #"entry "a": Truncated tar archive"#)
    }
}
