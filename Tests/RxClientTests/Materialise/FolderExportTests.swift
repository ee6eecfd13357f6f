import Foundation
import Glibc
import RxCrypto
import RxModel
import RxPosix
import RxStore
import RxTesting
import Testing

@testable import RxClient

/// A disk store whose blobs cannot be linked or copied as files.
private final class UnlinkedStore: ForwardingStore {
    let store: DiskStore
    init(_ store: DiskStore) { self.store = store }
    func base() throws -> any Store { store }
    var blobFolder: BlobFolder? { nil }
}

@Suite struct `A resource as a folder` {
    let home: TemporaryFolder
    let store: DiskStore
    var out: String { "\(home.path)/out" }

    init() throws {
        home = try TemporaryFolder()
        store = try DiskStore(at: "\(home.path)/home")
    }

    var exporter: ResourceExporter { ResourceExporter(store: store, records: "\(home.path)/home/cache/folders") }

    /// Stores a resource; a path that ends in `*` is executable, a content that begins with `->` a symlink.
    func put(_ files: [String: String]) throws -> ResourceRecord {
        let operation = try store.begin()
        let list = try files.map { path, content in
            let text = content.hasPrefix("->") ? String(content.dropFirst(2)) : content
            _ = try operation.stage(BytesSource(Array(text.utf8)), expecting: nil)
            return try file(
                path.hasSuffix("*") ? String(path.dropLast()) : path, text, executable: path.hasSuffix("*"),
                symlink: content.hasPrefix("->") ? text : nil)
        }
        let manifest = try ResourceManifest(definition: try definition("r"), files: list)
        return try operation.commit(manifest, as: Reference(repository: "r", tag: "1"))
    }

    @discardableResult
    func write(_ record: ResourceRecord, _ options: FolderOptions = FolderOptions(), with exporter: ResourceExporter? = nil) throws
        -> FolderReport
    {
        try (exporter ?? self.exporter).export(record, toFolder: out, options: options)
    }

    /// The folder's files and what is in them, as `put` takes them.
    func tree(_ folder: String? = nil) throws -> [String: String] {
        let folder = folder ?? out
        var tree: [String: String] = [:]
        for path in try FileManager.default.subpathsOfDirectory(atPath: folder) {
            let full = "\(folder)/\(path)"
            let status = try #require(try Files.status(full))
            if status.isSymlink {
                tree[path] = "->" + (try FileManager.default.destinationOfSymbolicLink(atPath: full))
            } else if status.isRegular {
                tree[path + (status.st_mode & S_IXUSR != 0 ? "*" : "")] = try String(contentsOfFile: full, encoding: .utf8)
            } else if try FileManager.default.contentsOfDirectory(atPath: full).isEmpty {
                tree[path + "/"] = ""
            }
        }
        return tree
    }

    func report(written: Int = 0, bytes: Int = 0, linked: Int = 0, kept: Int = 0, removed: Int = 0) -> FolderReport {
        var report = FolderReport()
        (report.written, report.writtenBytes, report.linked, report.kept, report.removed) = (written, bytes, linked, kept, removed)
        return report
    }

    static let first = ["a": "one", "d/b": "two", "d/run*": "#!", "d/e/link": "->../b", "empty": ""]
    static let large = String(repeating: "large ", count: 50_000)

    @Test(arguments: [false, true]) func `is written once and then only looked at`(_ link: Bool) throws {
        let record = try put(Self.first)
        let options = FolderOptions(link: link)
        let linked = link ? 3 : 0
        #expect(try write(record, options) == report(written: 5, bytes: 12, linked: linked))
        #expect(try tree() == Self.first)
        #expect(try FileManager.default.contentsOfDirectory(atPath: home.path).sorted() == ["home", "out"], "nothing is left beside it")
        let mode = try #require(try Files.status("\(out)/a")).st_mode & 0o777
        #expect(mode == (link ? 0o444 : 0o644))
        usleep(20_000)
        #expect(try write(record, options) == report(kept: 5))
        // What says so is the record alone: the manifest and the blobs are not asked for.
        try FileManager.default.removeItem(atPath: "\(home.path)/home/blobs")
        #expect(try write(record, options) == report(kept: 5))
    }

    @Test func `comes the same from a store whose blobs are no files`() throws {
        let record = try put(Self.first.merging(["large": Self.large]) { $1 })
        let other = ResourceExporter(store: UnlinkedStore(store))
        #expect(try write(record, FolderOptions(link: true), with: other).linked == 0)
        #expect(try tree() == Self.first.merging(["large": Self.large]) { $1 })
    }

    @Test(arguments: [false, true]) func `is brought up to date by what differs alone`(_ link: Bool) throws {
        let options = FolderOptions(link: link)
        let record = try put(["keep": "same", "change": "old", "gone/deep/x": "x", "gone/y": "y", "swap/file": "f", "plain": "p"])
        try write(record, options)
        let before = try #require(try Files.status("\(out)/keep"))
        try "mine".write(toFile: "\(out)/gone/mine", atomically: false, encoding: .utf8)
        let next = try put([
            "keep": "same", "change": "new!", "swap": "now a file", "plain/now": "a folder", "fresh/z*": "z", "large": Self.large,
        ])
        let done = try write(next, options)
        #expect(done.written == 5 && done.kept == 1 && done.removed == 4, "\(done)")
        #expect(
            try tree() == [
                "keep": "same", "change": "new!", "swap": "now a file", "plain/now": "a folder", "fresh/z*": "z", "large": Self.large,
                "gone/mine": "mine",
            ])
        let after = try #require(try Files.status("\(out)/keep"))
        #expect(after.st_ino == before.st_ino && after.modifiedAt == before.modifiedAt)
        usleep(20_000)
        #expect(try write(next, options) == report(kept: 6))
    }

    @Test func `is refused where others changed something, before anything is touched`() throws {
        try write(try put(["a": "one", "b": "two", "c": "three"]))
        for (path, text) in [("a", "mine"), ("new", "mine too"), ("own", "no business of rx")] {
            try text.write(toFile: "\(out)/\(path)", atomically: false, encoding: .utf8)
        }
        let next = try put(["a": "1", "b": "2", "new": "3"])
        let before = try tree()
        let error = #expect(throws: ContentError.self) { try write(next) }
        #expect(error?.message == "\(out) has 2 files that are not as rx wrote them: \"a\", \"new\"")
        #expect(error?.hint == "nothing was changed; move them away, or write over them with --force")
        #expect(try tree() == before)
        #expect(try write(next, FolderOptions(force: true)) == report(written: 3, bytes: 3, removed: 1))
        #expect(try tree() == ["a": "1", "b": "2", "new": "3", "own": "no business of rx"])
    }

    @Test func `is known by its content when the record is gone, and is nobody's when nothing of it is there`() throws {
        let record = try put(Self.first)
        try write(record)
        let forgetful = ResourceExporter(store: store)
        #expect(try write(record, with: forgetful) == report(kept: 5))
        try FileManager.default.removeItem(atPath: "\(out)/d/b")
        #expect(try write(record, with: forgetful) == report(written: 1, bytes: 3, kept: 4))
        try FileManager.default.removeItem(atPath: out)
        try home.write("out/notes.txt", "mine")
        let error = #expect(throws: ContentError.self) { try write(record) }
        #expect(error?.message == "\(out) exists already and is not an empty folder")
        #expect(error?.hint?.contains("--force") == true)
        try write(record, FolderOptions(force: true))
        #expect(try tree() == Self.first.merging(["notes.txt": "mine"]) { $1 })
    }

    @Test(arguments: [false, true]) func `is never written through a symlink`(_ force: Bool) throws {
        try write(try put(["d/b": "two", "x": "1"]))
        try home.write("elsewhere/b", "precious")
        try FileManager.default.removeItem(atPath: "\(out)/d")
        try FileManager.default.createSymbolicLink(atPath: "\(out)/d", withDestinationPath: "../elsewhere")
        let next = try put(["d/b": "new", "d/c": "new too", "x": "1"])
        let error = #expect(throws: ContentError.self) { try write(next, FolderOptions(force: force)) }
        #expect(error?.message.contains("\"d/b\" is behind \"d\", which is no folder") == true, "\(error?.message ?? "")")
        #expect(try tree("\(home.path)/elsewhere") == ["b": "precious"])
        // A symlink in the place of a file is replaced itself, and not what it leads to.
        try FileManager.default.removeItem(atPath: "\(out)/d")
        try FileManager.default.createDirectory(atPath: "\(out)/d", withIntermediateDirectories: false)
        try FileManager.default.createSymbolicLink(atPath: "\(out)/d/b", withDestinationPath: "../../elsewhere/b")
        guard force else {
            #expect(#expect(throws: ContentError.self) { try write(next) }?.message.contains("\"d/b\"") == true)
            return
        }
        try write(next, FolderOptions(force: true))
        #expect(try tree() == ["d/b": "new", "d/c": "new too", "x": "1"])
        #expect(try tree("\(home.path)/elsewhere") == ["b": "precious"])
    }

    @Test func `stays whole while it takes long to write, without a name and beside a collection`() throws {
        let record = try put(["a": "one", "b": "two"])
        let hold = LateHold(record, in: store, patience: 0)
        try hold.isNeeded()
        try hold.isNeeded()
        _ = try store.remove(registry: "", repository: "r", selector: .tag("1"))
        #expect(try store.collect(dryRun: false, leaseTime: nil).blobs == 0)
        #expect(try exporter.export(record, toFolder: out, options: FolderOptions(), hold: hold).written == 2)
        hold.end()
        #expect(try store.collect(dryRun: false, leaseTime: nil).blobs == 3)
        #expect(throws: RegistryError.self) { try LateHold(record, in: store, patience: 0).isNeeded() }
        let short = LateHold(record, in: store)
        try short.isNeeded()
        #expect(throws: RegistryError.self) {
            try exporter.export(record, toFolder: "\(home.path)/other", options: FolderOptions(), hold: short)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: home.path).sorted() == ["home", "out"])
    }

    @Test func `links again over a file that was written into only when the blob is whole`() throws {
        let record = try put(["a": "one", "b": "two"])
        try write(record, FolderOptions(link: true))
        #expect(chmod("\(out)/a", 0o644) == 0)
        try "bad".write(toFile: "\(out)/a", atomically: false, encoding: .utf8)
        let refused = #expect(throws: ContentError.self) { try write(record, FolderOptions(link: true)) }
        #expect(refused?.message.contains("\"a\"") == true)
        let damaged = #expect(throws: ContentError.self) { try write(record, FolderOptions(link: true, force: true)) }
        #expect(damaged?.message.hasPrefix("Content integrity check failed") == true, "\(damaged?.message ?? "")")
        _ = try put(["a": "one", "b": "two"])
        try write(record, FolderOptions(link: true, force: true))
        #expect(try tree() == ["a": "one", "b": "two"])
        #expect(try write(record) == report(written: 2, bytes: 6), "who wants files of their own gets them")
    }
}
