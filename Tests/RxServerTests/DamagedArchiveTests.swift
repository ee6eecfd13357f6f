import Foundation
import RxModel
import RxPosix
import RxStore
import RxTesting
import Testing

@testable import RxServer

/// A cached archive that is not what was built is never sent. Sources: Specs/05-store, "Serving"; Specs/06-http, "Content".
@Suite struct DamagedArchiveTests {
    let folder = try! TemporaryFolder()
    let store = MemoryStore()
    let workers = Workers(long: 2)

    var archives: String { folder.path + "/archives" }

    func cache(limit: Int = .max) -> ArchiveCache { ArchiveCache(folder: archives, limit: limit, store: store, workers: workers) }

    func path(_ record: ResourceRecord) -> String { "\(archives)/\(SealedArchive.name(record.manifestDigest))" }

    func ask(_ cache: ArchiveCache, _ record: ResourceRecord) throws -> SealedArchive {
        let done = Monitor<Result<SealedArchive, any Error>?>(nil)
        cache.archive(of: record) { result in done.update { $0 = result } }
        return try done.wait { $0 }!.get()
    }

    func bytes(_ archive: SealedArchive) throws -> [UInt8] {
        let bytes = try FileRangeSource(archive.file).readAll()
        return Array(bytes.prefix(archive.length))
    }

    func content(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }

    /// Changes the file in place, as a disk or a careless program would; at a time that the file system's clock tells from that of the change before.
    static func overwrite(_ path: String, with bytes: [UInt8], after microseconds: UInt32 = 20_000) throws {
        usleep(microseconds)
        let file = try FileDescriptor.open(path, O_WRONLY | O_TRUNC)
        try file.write(bytes)
    }

    /// What may happen to a file.
    enum Damage: String, CaseIterable {
        case firstByte, middleByte, lastByteOfArchive, firstByteOfSeal, digestOfSeal, lastByte, cutByOne, cutBeforeSeal, cutShort, empty,
            longer,
            another, unsealed

        func apply(to bytes: [UInt8], other: [UInt8]) -> [UInt8] {
            func flipped(_ at: Int) -> [UInt8] {
                var changed = bytes
                changed[at] ^= 1
                return changed
            }
            let seal = bytes.count - 58
            return switch self {
            case .firstByte: flipped(4)
            case .middleByte: flipped(bytes.count / 2)
            case .lastByteOfArchive: flipped(seal - 1)
            case .firstByteOfSeal: flipped(seal)
            case .digestOfSeal: flipped(seal + 16)
            case .lastByte: flipped(bytes.count - 1)
            case .cutByOne: Array(bytes.dropLast())
            case .cutBeforeSeal: Array(bytes.prefix(seal))
            case .cutShort: Array(bytes.prefix(20))
            case .empty: []
            case .longer: bytes + [0]
            case .another: other
            case .unsealed: Array(bytes.prefix(seal)) + [UInt8](repeating: 0, count: 58)
            }
        }
    }

    @Test(arguments: Damage.allCases, [false, true])
    func `is built anew, once, with the same bytes`(_ damage: Damage, _ isRunning: Bool) throws {
        let files = ["f": noise(300_000)]
        let record = try put(store, "a:1", files)
        let other = try put(store, "b:1", ["f": noise(300_000)])
        let first = cache()
        let whole = try archive(files)
        for each in [record, other] { _ = try ask(first, each) }
        let right = try content(path(record))
        let wrong = damage.apply(to: right, other: try content(path(other)))
        #expect(wrong != right)
        try DamagedArchiveTests.overwrite(path(record), with: wrong)
        let asked = isRunning ? first : cache()
        #expect(asked.ready(record) == nil)
        for _ in 0..<2 {
            #expect(try bytes(ask(asked, record)) == whole)
            #expect(try content(path(record)) == right)
        }
    }

    @Test func `every byte of it counts`() throws {
        let record = try put(store, "a:1", ["f": Array("short".utf8)])
        _ = try ask(cache(), record)
        let right = try content(path(record))
        for at in right.indices {
            var wrong = right
            wrong[at] ^= 0x80
            try DamagedArchiveTests.overwrite(path(record), with: wrong, after: 0)
            #expect(try SealedArchive(FileDescriptor.open(path(record), O_RDONLY), of: record.manifestDigest) == nil, "byte \(at)")
            try DamagedArchiveTests.overwrite(path(record), with: Array(right.prefix(at)), after: 0)
            #expect(try SealedArchive(FileDescriptor.open(path(record), O_RDONLY), of: record.manifestDigest) == nil, "cut at \(at)")
        }
        try DamagedArchiveTests.overwrite(path(record), with: right, after: 0)
        #expect(try SealedArchive(FileDescriptor.open(path(record), O_RDONLY), of: record.manifestDigest)?.length == right.count - 58)
    }

    @Test func `a right one is looked at once by who did not build it, and its use changes the time of use alone`() throws {
        let record = try put(store, "a:1", ["f": noise(5000)])
        _ = try ask(cache(), record)
        // Long ago, as far as its times tell.
        var times = [timespec(tv_sec: 1000, tv_nsec: 0), timespec(tv_sec: 2000, tv_nsec: 5)]
        #expect(utimensat(AT_FDCWD, path(record), &times, 0) == 0)
        let before = try #require(try RxPosix.Files.status(path(record)))
        let later = cache()
        #expect(later.ready(record) == nil)
        _ = try ask(later, record)
        // Reading it again would fail, and it would be built anew.
        Fault.inject("pread", EIO, under: archives, times: 100)
        for _ in 0..<3 { _ = try ask(later, record) }
        #expect(later.ready(record) != nil)
        Fault.clear(under: archives)
        let after = try #require(try RxPosix.Files.status(path(record)))
        #expect(after.st_ino == before.st_ino && after.modifiedAt == before.modifiedAt && after.usedAt > before.usedAt)
    }

    @Test func `one that the disk cannot read is built anew`() throws {
        let files = ["f": noise(5000)]
        let record = try put(store, "a:1", files)
        _ = try ask(cache(), record)
        let before = try #require(try RxPosix.Files.status(path(record)))
        let held = try FileDescriptor.open(path(record), O_RDONLY)
        Fault.inject("pread", EIO, under: archives)
        #expect(try bytes(ask(cache(), record)) == archive(files))
        #expect(try RxPosix.Files.status(path(record))?.st_ino != before.st_ino)
        withExtendedLifetime(held) {}
    }

    @Test func `a stop while it is looked at leaves it`() throws {
        let record = try put(store, "a:1", ["f": noise(5000)])
        _ = try ask(cache(), record)
        let right = try content(path(record))
        workers.cancel()
        #expect(throws: RegistryError.self) { try ask(cache(), record) }
        #expect(try content(path(record)) == right)
    }

    @Test func `other programs take the file for a tar.gz`() throws {
        let record = try put(store, "a:1", ["f": noise(5000), "g": Array("text".utf8)])
        _ = try ask(cache(), record)
        #expect(try run("gzip", ["-t", path(record)]).status == 0)
        #expect(try run("tar", ["tzf", path(record)]).text == "f\ng\n")
    }

    @Test(arguments: [false, true]) func `a server answers with the right bytes, in whole, by ranges and by HEAD`(_ isRunning: Bool) throws
    {
        let files = ["f": noise(200_000)]
        let record = try put(store, "a:1", files)
        let whole = try Data(archive(files))
        let data = folder.path + "/data"
        let file = "\(data)/cache/archives/\(SealedArchive.name(record.manifestDigest))"
        var server = try TestServer(store: store) { $0.data = data }
        #expect(try server.curl("/api/v1/content/a:1").output == whole)
        let right = try content(file)
        let requests: [([String], Data)] = [
            ([], whole), (["-r", "0-9"], whole.prefix(10)), (["-r", "100000-"], whole.dropFirst(100_000)), (["-r", "-5"], whole.suffix(5)),
        ]
        for damage in [Damage.firstByte, .middleByte, .lastByteOfArchive, .cutShort, .another] {
            for (arguments, expected) in requests {
                try DamagedArchiveTests.overwrite(file, with: damage.apply(to: right, other: noise(right.count)))
                if !isRunning { server = try TestServer(store: store) { $0.data = data } }
                let answer = try run("curl", ["-sS", "--max-time", "300"] + arguments + ["\(server.url)/api/v1/content/a:1"])
                #expect(answer.output == Data(expected), "\(damage) \(arguments)")
                #expect(try content(file) == right)
            }
            try DamagedArchiveTests.overwrite(file, with: damage.apply(to: right, other: []))
            #expect(try server.curl("/api/v1/content/a:1", "-I").text.lowercased().contains("content-length: \(whole.count)\r\n"))
        }
    }

    @Test func `what cannot be built anew either is not sent, and the wrong file is gone`() throws {
        let disk = try DiskStore(at: folder.path + "/store")
        let server = try TestServer(store: disk)
        let record = try put(disk, "a:1", ["f": Array("content".utf8)])
        #expect(try server.curl("/api/v1/content/a:1").status == 0)
        let file = "\(server.folder.path)/data/cache/archives/\(SealedArchive.name(record.manifestDigest))"
        let digest = try disk.manifest(of: record).files[0].digest.hex
        let blob = "\(folder.path)/store/blobs/sha256/\(digest.prefix(2))/\(digest)"
        #expect(chmod(blob, 0o644) == 0)
        try DamagedArchiveTests.overwrite(blob, with: Array("CONTENT".utf8))
        try DamagedArchiveTests.overwrite(file, with: Array(content(file).dropLast()))
        for _ in 0..<2 { #expect(try server.curl("/api/v1/content/a:1", "-o", "/dev/null", "-w", "%{http_code}").text == "500") }
        #expect(try RxPosix.Files.status(file) == nil)
    }
}
