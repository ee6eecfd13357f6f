import Foundation
import Glibc
import RxCrypto
import RxModel
import RxPosix
import RxStore
import RxTesting
import Synchronization
import Testing

@testable import RxClient

/// A folder that is written while its resource is fetched. Source: Specs/12-transfer, XFR-121.
@Suite struct `A folder that is begun early` {
    let home: TemporaryFolder
    let other: TemporaryFolder
    let work: TemporaryFolder
    let registry = FakeTransfers()
    let name: Locator
    var out: String { "\(work.path)/out" }

    init() throws {
        home = try TemporaryFolder()
        other = try TemporaryFolder()
        work = try TemporaryFolder()
        name = try Locator(parsing: "team/tree:1")
    }

    func client(_ folder: TemporaryFolder) throws -> Client {
        try Client(home: folder.path, environment: "http://a.test", transport: registry.transport)
    }

    static let files = Dictionary(uniqueKeysWithValues: (0..<60).map { ("d\($0 % 7)/f\($0)", "content \($0 / 2)") })

    /// Has a resource in the registry, with an executable file and a symlink, and contents that several files have.
    @discardableResult
    func publish() throws -> ResourceManifest {
        let alice = try client(home)
        let operation = try alice.store.begin()
        var list: [ResourceFile] = []
        for (path, content) in Self.files {
            _ = try operation.stage(BytesSource(Array(content.utf8)), expecting: nil)
            list.append(try file(path, content))
        }
        _ = try operation.stage(BytesSource(Array("run".utf8)), expecting: nil)
        _ = try operation.stage(BytesSource(Array("d1/f1".utf8)), expecting: nil)
        list.append(try file("run", "run", executable: true))
        list.append(try file("link", "d1/f1", symlink: "d1/f1"))
        let manifest = try ResourceManifest(definition: try definition("tree", ["path": "team", "tag": "1"]), files: list)
        _ = try operation.commit(manifest, as: Reference(repository: "team/tree", tag: "1"))
        _ = try alice.push(name, to: nil)
        return manifest
    }

    func pull(_ options: FolderOptions = FolderOptions()) throws -> FolderReport? {
        try client(other).pulling(name, from: nil, to: out, options: options).folder
    }

    /// Whether the folder is what was published, and nothing is beside it.
    func isWhole() throws -> Bool {
        for (path, content) in Self.files where try String(contentsOfFile: "\(out)/\(path)", encoding: .utf8) != content { return false }
        let mode = try #require(try Files.status("\(out)/run")).st_mode
        guard mode & 0o100 != 0, try #require(try Files.status("\(out)/link")).isSymlink else { return false }
        return try FileManager.default.subpathsOfDirectory(atPath: out).count == 62 + 7 && beside() == ["out"]
    }

    func beside() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: work.path).sorted() }

    @Test(arguments: [false, true]) func `is what was published`(_ link: Bool) throws {
        try publish()
        let report = try pull(FolderOptions(link: link))
        #expect(report?.written == 62 && report?.linked == (link ? 60 : 0), "\(String(describing: report))")
        #expect(try isWhole())
        let blobs = try #require(try client(other).store.blobFolder)
        let blob = try #require(try blobs.folder.status(blobs.name(sha256(Array("content 0".utf8)))))
        for path in ["d0/f0", "d1/f1"] { #expect(try Files.status("\(out)/\(path)")?.st_ino == blob.st_ino || !link) }
        #expect(Int(blob.st_nlink) == (link ? 3 : 1))
        usleep(20_000)
        #expect(try pull(FolderOptions(link: link))?.kept == 62, "its record is right")
    }

    @Test(arguments: [false, true]) func `holds what came when the rest is made`(_ link: Bool) throws {
        let manifest = try publish()
        let early = try #require(EarlyFolder(ifAbsent: "\(out)//", FolderOptions(link: link)))
        let staged = "\(work.path)/staged"
        let bytes = Array("content 3".utf8)
        try Data(bytes).write(to: URL(fileURLWithPath: staged))
        bytes.withUnsafeBytes { early.write(sha256(bytes), $0, staged: staged) }
        #expect(try beside() == ["staged"], "before it is known what belongs there nothing is made")
        early.begin(manifest, manifest.digest)
        bytes.withUnsafeBytes { early.write(sha256(bytes), $0, staged: staged) }
        #expect(try beside().count == 2 && beside()[0].hasPrefix("out.rx-"), "it does not show")
        #expect(Int(try #require(try Files.status(staged)).st_nlink) == (link ? 3 : 1))
        let begun = try #require(early.take(manifest.digest))
        #expect(begun.made.map { manifest.files[$0.key].path.text }.sorted() == ["d0/f7", "d6/f6"])
        #expect(begun.made.values.allSatisfy { $0.isLinked == link && $0.stamp.size == bytes.count })
        for path in ["d0/f7", "d6/f6"] {
            #expect(try String(contentsOfFile: "\(begun.aside.path)/\(path)", encoding: .utf8) == "content 3")
        }
        #expect(early.take(manifest.digest) == nil && !early.abandon(), "it is handed over once")
        begun.aside.remove()
        #expect(try beside() == ["staged"])
    }

    @Test func `is removed when it is of another resource, or of none`() throws {
        let manifest = try publish()
        let early = try #require(EarlyFolder(ifAbsent: out, FolderOptions()))
        early.begin(manifest, manifest.digest)
        #expect(early.take(sha256([1])) == nil)
        #expect(try beside().isEmpty)
        try Files.makeFolders(out)
        #expect(EarlyFolder(ifAbsent: out, FolderOptions()) == nil, "what is there is looked at when all is here")
        #expect(EarlyFolder(ifAbsent: "\(out)/x", FolderOptions(definition: true)) == nil)
        let below = try #require(EarlyFolder(ifAbsent: "\(work.path)/no/such/out", FolderOptions()))
        below.begin(manifest, manifest.digest)
        #expect(!below.abandon())
        #expect(try beside() == ["out"], "a pull in vain makes no folders above it")
    }

    @Test(.enabled(if: Fault.available), arguments: ["open", "write", "fstat", "mkdir"])
    func `is given up when it cannot be written, and made when all is here`(_ call: String) throws {
        try publish()
        Fault.inject(call, ENOSPC, under: "\(out).rx-", after: 1)
        defer { Fault.clear(under: "\(out).rx-") }
        #expect(try pull()?.written == 62)
        #expect(try isWhole())
    }

    @Test(.enabled(if: Fault.available)) func `makes room when the store needs it`() throws {
        try publish()
        let bob = try client(other)
        Fault.inject("write", ENOSPC, under: "\(other.path)/staging", after: 5)
        defer { Fault.clear(under: "\(other.path)/staging") }
        #expect(try bob.pulling(name, from: nil, to: out, options: FolderOptions()).folder?.written == 62)
        #expect(try isWhole())
    }

    /// The disk is full, each time at another call, while the folder and the store both write.
    @Test(.enabled(if: Fault.available), arguments: ["write", "rename"], [8, 20])
    func `the store is written to once more when the folder has made room`(_ call: String, _ skip: Int) throws {
        try publish()
        let place = call == "rename" ? "blobs" : "staging"
        // The folder meets it, too, and is perhaps being removed already.
        Fault.inject(call, ENOSPC, under: "\(other.path)/\(place)", after: skip)
        Fault.inject("write", ENOSPC, under: "\(out).rx-", after: skip, times: 1)
        defer {
            Fault.clear(under: "\(other.path)/\(place)")
            Fault.clear(under: "\(out).rx-")
        }
        #expect(try pull()?.written == 62)
        #expect(try isWhole())
        #expect(try client(other).store.verify(VerifyOptions(), with: NoHelp()).isClean)
    }

    @Test func `everybody who gives it up waits until it is gone`() throws {
        let manifest = try publish()
        let early = try #require(EarlyFolder(ifAbsent: out, FolderOptions()))
        early.begin(manifest, manifest.digest)
        let bytes = Array("content 3".utf8)
        bytes.withUnsafeBytes { early.write(sha256(bytes), $0, staged: nil) }
        #expect(try beside().count == 1)
        let left = Mutex<[Bool]>([])
        let threads = (0..<4).map { _ in
            RxPosix.Thread {
                let isGone = early.abandon() && (try? FileManager.default.contentsOfDirectory(atPath: work.path).isEmpty) == true
                left.withLock { $0.append(isGone) }
            }
        }
        for thread in threads { thread.join() }
        #expect(left.withLock { $0 } == [true, true, true, true])
    }

    @Test func `a link to what another process has replaced is made anew`() throws {
        let manifest = try publish()
        let alice = try client(home)
        let early = try #require(EarlyFolder(ifAbsent: out, FolderOptions(link: true)))
        early.begin(manifest, manifest.digest)
        let staged = "\(home.path)/staged"
        let bytes = Array("content 3".utf8)
        try Data(bytes).write(to: URL(fileURLWithPath: staged))
        bytes.withUnsafeBytes { early.write(sha256(bytes), $0, staged: staged) }
        let report = try alice.exporter.export(
            try alice.find(name), toFolder: out, options: FolderOptions(link: true), hold: nil, begun: early)
        #expect(report.written == 62 && report.linked == 60)
        #expect(try isWhole())
        let blobs = try #require(try alice.store.blobFolder)
        #expect(try Files.status("\(out)/d0/f7")?.st_ino == blobs.folder.status(blobs.name(sha256(bytes)))?.st_ino)
        #expect(try Files.status(staged)?.st_nlink == 1)
    }

    @Test(.enabled(if: Fault.available), arguments: [EACCES, EROFS])
    func `a folder in which nothing can be made is named`(_ errno: Int32) throws {
        try publish()
        Fault.inject("mkdir", errno, under: "\(out).rx-", times: 2)
        defer { Fault.clear(under: "\(out).rx-") }
        let error = #expect(throws: RegistryError.self) { try pull() }
        #expect(error?.message.hasPrefix("nothing can be made in the folder \(work.path): ") == true, "\(String(describing: error))")
        #expect(error?.hint != nil)
    }

    @Test func `what killed runs left goes when the next one begins`() throws {
        let manifest = try publish()
        let dead = "\(out).rx-\(String(repeating: "0a", count: 16))"
        try Files.makeFolders("\(dead)/d0")
        let early = try #require(EarlyFolder(ifAbsent: out, FolderOptions()))
        early.begin(manifest, manifest.digest)
        let begun = try #require(early.take(manifest.digest))
        #expect(try Files.status(dead) == nil)
        #expect(try beside().count == 1)
        begun.aside.remove()
    }

    @Test func `is not there after a pull that failed`() throws {
        try publish()
        let lost = sha256(Array("content 20".utf8))
        let kept = registry.change { $0.blobs.updateValue(Array("another 20".utf8), forKey: lost) }
        #expect(throws: ContentError.self) { try pull() }
        #expect(try beside().isEmpty)
        registry.change { $0.blobs[lost] = kept }
        #expect(try pull()?.written == 62)
        #expect(try isWhole())
    }

    @Test func `a resource is described by its manifest's bytes or by its files, and checked`() throws {
        try publish()
        for description in [FakeTransfers.Description.wrong, .noise] {
            registry.change { $0.description = description }
            let error = #expect(throws: RegistryError.self) { try pull() }
            #expect(error?.code == .digestInvalid && error?.message.contains("with files that do not have the digest it gave") == true)
        }
        registry.change { $0.description = .files }
        #expect(try pull()?.written == 62)
        #expect(try isWhole())
    }
}
