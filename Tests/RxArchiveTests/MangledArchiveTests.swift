import RxArchive
import RxModel
import Testing

@Suite struct `mangled archives` {
    private let files: [ResourceFile]
    private let archive: [UInt8]

    init() throws {
        let blobs = Blobs()
        func file(_ path: String, _ content: String, symlink: String? = nil) throws -> ResourceFile {
            let (digest, size) = try blobs.stage(BytesSource(Array(content.utf8)))
            return ResourceFile(path: try FilePath(parsing: path), digest: digest, size: size, symlink: symlink)
        }
        files = try [
            file("a", "first"), file("b/\u{E9}", "second, with a longer text that ends in a second block".padded(to: 600)),
            file("c", "a", symlink: "a"),
        ]
        archive = try write(files, blobs)
    }

    @Test func `every truncation is refused`() {
        for count in 0..<archive.count {
            #expect(throws: ContentError.self, "\(count) of \(archive.count) bytes") { try read(Array(archive[..<count])) }
        }
    }

    @Test func `every truncation of the tar inside is refused`() throws {
        let tar = try gunzip(archive)
        for count in 0..<tar.count {
            #expect(throws: ContentError.self, "\(count) of \(tar.count) bytes") { try read(gzip(Array(tar[..<count]))) }
        }
    }

    @Test(arguments: [0x01, 0x80, 0xFF] as [UInt8]) func `every changed byte is refused or changes nothing`(mask: UInt8) throws {
        for index in archive.indices {
            var mangled = archive
            mangled[index] ^= mask
            if let found = try? read(mangled) { #expect(found == files, "byte \(index)") }
        }
    }

    @Test(arguments: [0x01, 0x20, 0xFF] as [UInt8]) func `every changed byte of the tar inside is survived`(mask: UInt8) throws {
        let tar = try gunzip(archive)
        for index in tar.indices {
            var mangled = tar
            mangled[index] ^= mask
            do {
                _ = try read(gzip(mangled))
            } catch {
                #expect(error is ContentError)
            }
        }
    }
}

extension String {
    fileprivate func padded(to count: Int) -> String { self + String(repeating: ".", count: count - self.count) }
}
