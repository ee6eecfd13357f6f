import RxArchive
import RxCrypto
import RxModel
import RxTesting
import Testing

@Suite struct `an archive and back` {
    @Test func `every kind of file survives`() throws {
        let blobs = Blobs()
        let tree = try sampleTree(blobs)
        let back = Blobs()
        let files = try readArchive(BytesSource(write(tree, blobs)), stage: back.stage)
        #expect(files == tree)
        #expect(back.content == blobs.content)
    }

    @Test func `the same tree gives the same bytes in any order`() throws {
        let blobs = Blobs()
        let tree = try sampleTree(blobs)
        let first = try write(tree, blobs)
        for _ in 0..<3 { #expect(try write(tree.shuffled(), blobs) == first) }
    }

    /// The tar alone: another version of zlib may pack the same bytes differently.
    @Test func `the bytes of the tar never change`() throws {
        let blobs = Blobs()
        let tar = try gunzip(write(sampleTree(blobs), blobs))
        #expect(sha256(tar).description == "sha256:082e4d1f45503a8b138bb43b6bde745a60ec323d10e03ccacb49da8cfb351332")
    }

    @Test func `bytes that do not shrink are stored`() throws {
        let blobs = Blobs()
        let (digest, size) = try blobs.stage(BytesSource(noise(1 << 20)))
        let archive = try write([ResourceFile(path: FilePath(parsing: "noise"), digest: digest, size: size)], blobs)
        #expect(archive.count < size + size / 256)
        #expect(archive.count > size)
    }

    @Test(arguments: 90...270) func `names of every length survive`(length: Int) throws {
        let blobs = Blobs()
        let (digest, size) = try blobs.stage(BytesSource([1, 2, 3]))
        let names =
            [5, 50, 90, 100, 101, 155, 156, 160].filter { $0 + 1 < length && length - $0 - 1 <= 255 }.map {
                String(repeating: "d", count: $0) + "/" + String(repeating: "n", count: length - $0 - 1)
            } + [String(repeating: "e\u{301}/", count: length / 4) + "x", String(repeating: "\u{6F22}/", count: length / 4) + "x"]
        let files = try names.map { ResourceFile(path: try FilePath(parsing: $0), digest: digest, size: size) }.sorted { $0.path < $1.path }
        #expect(try read(write(files, blobs)) == files)
    }

    @Test func `only the selected part is read, under its new names`() throws {
        let blobs = Blobs()
        let tree = try sampleTree(blobs)
        let files = try readArchive(
            BytesSource(write(tree, blobs)),
            select: { path in path.text.hasPrefix("data/") ? try? FilePath(parsing: String(path.text.dropFirst(5))) : nil },
            stage: Blobs().stage)
        #expect(files.map(\.path.text) == ["noise", "zeros"])
    }

    @Test func `two files that are given one name are refused`() throws {
        let tar = RawTar().entry("a/x").entry("b/x").closed
        #expect(throws: ContentError("entry \"x\": the name appears twice")) {
            try readArchive(BytesSource(gzip(tar)), select: { _ in try? FilePath(parsing: "x") }, stage: Blobs().stage)
        }
    }

    @Test func `files out of order are refused`() throws {
        let writer = ArchiveWriter(to: BytesSink())
        try writer.add(path: FilePath(parsing: "b"), size: 0)
        #expect(throws: ContentError("entry \"a\": does not come after \"b\"")) { try writer.add(path: FilePath(parsing: "a"), size: 0) }
        #expect(throws: ContentError("entry \"b\": does not come after \"b\"")) { try writer.add(path: FilePath(parsing: "b"), size: 0) }
    }

    @Test func `a content of another length is refused`() throws {
        for (size, found) in [(4, "3"), (2, "more"), (200_000, "3")] {
            let writer = ArchiveWriter(to: BytesSink())
            #expect(throws: ContentError("entry \"a\": \(size) bytes were expected, \(found) came", code: .contentDamaged)) {
                try writer.add(path: FilePath(parsing: "a"), size: size, content: BytesSource([1, 2, 3]))
            }
        }
    }

    @Test func `a damaged blob is noticed before its entry ends`() throws {
        let writer = ArchiveWriter(to: BytesSink())
        let source = VerifyingSource(BytesSource([1, 2, 3]), digest: sha256([3, 2, 1]), size: 3)
        #expect(throws: ContentError.self) { try writer.add(path: FilePath(parsing: "a"), size: 3, content: source) }
    }
}
