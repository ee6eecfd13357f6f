import Foundation
import Glibc
import RxCrypto
import RxModel
import RxPosix
import RxStore
import RxTesting
import Testing

@testable import RxClient

@Suite struct `Writing a folder` {
    let home: TemporaryFolder
    let store: DiskStore
    var out: String { "\(home.path)/out" }
    var exporter: ResourceExporter { ResourceExporter(store: store, records: "\(home.path)/home/cache/folders") }

    init() throws {
        home = try TemporaryFolder()
        store = try DiskStore(at: "\(home.path)/home")
    }

    func put(_ files: [String: String]) throws -> ResourceRecord { try RxTesting.put(files, try definition("r"), in: store) }

    func names(_ folder: String) throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder).sorted() }

    func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    @Test(.enabled(if: Fault.available), arguments: [EMLINK, EXDEV, EPERM, EACCES, EOPNOTSUPP])
    func `copies what cannot be linked`(_ number: Int32) throws {
        let record = try put(["a": "one", "b": "two", "c": "three"])
        Fault.inject("link", number, under: home.path)
        defer { Fault.clear(under: home.path) }
        let report = try exporter.export(record, toFolder: out, options: FolderOptions(link: true))
        #expect(report.written == 3)
        // One file has no more names to give; what a file system refuses is not asked of it again.
        #expect(number == EMLINK ? report.linked == 2 : report.linked < 2)
        #expect(try ["a", "b", "c"].map { try text("\(out)/\($0)") } == ["one", "two", "three"])
    }

    @Test(.enabled(if: Fault.available), arguments: ["open", "write", "fstat", "mkdir", "rename"])
    func `leaves nothing when it fails, and nothing changed`(_ call: String) throws {
        let record = try put(["d/a": "one", "d/b": "two"])
        Fault.inject(call, ENOSPC, under: "\(out).rx-")
        if call == "rename" { Fault.inject(call, ENOSPC, under: out) }
        let error = #expect(throws: PosixError.self) { try exporter.export(record, toFolder: out, options: FolderOptions()) }
        Fault.clear(under: "\(out).rx-")
        Fault.clear(under: out)
        #expect(error?.code == .storageFull)
        #expect(try names(home.path) == ["home"])
        try exporter.export(record, toFolder: out, options: FolderOptions())
        let next = try put(["d/a": "1", "d/b": "2", "e/c": "3"])
        guard call != "mkdir", call != "rename" else { return }
        // The first file's own failure comes once both are being written: whatever comes of that, the folder is as it was.
        Fault.inject(call, ENOSPC, under: "\(out)/.rx-", after: 1)
        #expect(throws: PosixError.self) { try exporter.export(next, toFolder: out, options: FolderOptions()) }
        Fault.clear(under: "\(out)/.rx-")
        #expect(try names(out) == ["d"] && text("\(out)/d/a") == "one" && text("\(out)/d/b") == "two")
        #expect(try exporter.export(next, toFolder: out, options: FolderOptions()).written == 3)
    }

    @Test(.enabled(if: Fault.available), arguments: 0..<4) func `goes on after it was broken off between two files`(_ step: Int) throws {
        try exporter.export(try put(["a": "one", "b": "two", "c": "three", "d": "x"]), toFolder: out, options: FolderOptions())
        let next = try put(["a": "1", "b": "2", "c": "3", "e/f": "4"])
        Fault.inject("rename", EIO, under: "\(out)/", after: step)
        let error = #expect(throws: PosixError.self) { try exporter.export(next, toFolder: out, options: FolderOptions()) }
        Fault.clear(under: "\(out)/")
        #expect(error?.errno == EIO)
        // To a third version: some files are of the first one, some of the second, and all of them rx's own.
        let third = try put(["a": "I", "b": "II", "c": "three"])
        #expect(throws: Never.self) { try exporter.export(third, toFolder: out, options: FolderOptions()) }
        #expect(try names(out) == ["a", "b", "c"])
        #expect(try ["a", "b", "c"].map { try text("\(out)/\($0)") } == ["I", "II", "three"])
    }

    @Test func `removes what killed runs left, and leaves what living ones are at`() throws {
        let record = try put(["a": "one"])
        let dead = ["out.rx-\(String(repeating: "0", count: 32))", "out.rx-\(RandomName.make())"]
        for name in dead { try home.write("\(name)/half", "written") }
        let others = ["out.rx-mine", "output.rx-\(RandomName.make())", "out.rx-\(String(repeating: "g", count: 32))"]
        for name in others { try home.write("\(name)/x", "") }
        let living = try AsideFolder(beside: out)
        try exporter.export(record, toFolder: out, options: FolderOptions())
        #expect(try names(home.path) == (["home", "out", (living.path as NSString).lastPathComponent] + others).sorted())
        living.remove()
        try home.write("out/.rx-\(RandomName.make())/half", "written")
        try exporter.export(record, toFolder: out, options: FolderOptions())
        #expect(try names(out) == ["a"])
        try home.write("empty/.rx-\(RandomName.make())/half", "written")
        try exporter.export(record, toFolder: "\(home.path)/empty", options: FolderOptions())
        #expect(try names("\(home.path)/empty") == ["a"])
    }

    @Test func `sets a damaged blob aside, and names it`() throws {
        for (content, link) in [("one", false), (String(repeating: "x", count: 300_000), false), ("two", true)] {
            let record = try put(["a": content])
            let digest = sha256(Array(content.utf8))
            let blob = "\(home.path)/home/blobs/sha256/\(digest.hex.prefix(2))/\(digest.hex)"
            try FileManager.default.removeItem(atPath: blob)
            // A link is not read; its length is looked at.
            try String(link ? "longer" : String(content.dropLast()) + "!").write(toFile: blob, atomically: false, encoding: .utf8)
            let error = #expect(throws: (any Error).self) {
                try exporter.export(record, toFolder: out, options: FolderOptions(link: link))
            }
            let code = (error as? any ResourceError)?.code
            #expect([ErrorCode.contentDamaged, .digestInvalid, .blobUnknown].contains(code), "\(String(describing: error))")
            #expect(try names(home.path) == ["home"])
            if !link { #expect(!FileManager.default.fileExists(atPath: blob), "nobody is told again that it is there") }
        }
    }

    @Test(arguments: [("one", false), ("one", true), ("", true)])
    func `waits for nobody where a FIFO has a blob's name`(_ content: String, _ link: Bool) throws {
        let record = try put(["a": content])
        let digest = sha256(Array(content.utf8))
        let blob = "\(home.path)/home/blobs/sha256/\(digest.hex.prefix(2))/\(digest.hex)"
        try FileManager.default.removeItem(atPath: blob)
        #expect(mkfifo(blob, 0o600) == 0)
        let isDone = Monitor(false)
        // Should it wait, somebody comes in the end.
        let other = RxPosix.Thread {
            while isDone.wait(seconds: 20, until: { $0 ? true : nil }) == nil {
                Issue.record("it waits for the FIFO")
                let end = open(blob, O_RDWR | O_NONBLOCK | O_CLOEXEC)
                if end >= 0 { close(end) }
            }
        }
        #expect(throws: RegistryError.self) { try exporter.export(record, toFolder: out, options: FolderOptions(link: link)) }
        isDone.update { $0 = true }
        other.join()
        #expect(try names(home.path) == ["home"])
    }

    @Test func `removes also what was being removed when its run was ended`() throws {
        let record = try put(["a": "one"])
        let dead = "\(RandomName.make())\(Interruption.suffix)"
        try home.write("out.rx-\(dead)/half", "written")
        try home.write("out/.rx-\(dead)/half", "written")
        try exporter.export(record, toFolder: out, options: FolderOptions())
        #expect(try names(out) == ["a"])
        try FileManager.default.removeItem(atPath: out)
        try home.write("out.rx-x\(Interruption.suffix)/mine", "")
        try exporter.export(record, toFolder: out, options: FolderOptions())
        #expect(try names(home.path) == ["home", "out", "out.rx-x.end"])
    }

    @Test(arguments: ["a", "d/b"]) func `leaves what is changed while it writes`(_ path: String) throws {
        try exporter.export(try put(["a": "one", "d/b": "two"]), toFolder: out, options: FolderOptions())
        let next = try put(["a": "1"])
        let hook = HookedProgress { [out] in try? "mine".write(toFile: "\(out)/\(path)", atomically: false, encoding: .utf8) }
        let hooked = ResourceExporter(store: store, records: "\(home.path)/home/cache/folders", progress: hook)
        let error = #expect(throws: ContentError.self) { try hooked.export(next, toFolder: out, options: FolderOptions()) }
        #expect(error?.message == "\"\(path)\" was changed by somebody else while \(out) was brought up to date")
        #expect(try text("\(out)/\(path)") == "mine" && names(out) == ["a", "d"])
        let refused = #expect(throws: ContentError.self) { try exporter.export(next, toFolder: out, options: FolderOptions()) }
        #expect(refused?.message.contains("a file that is not as rx wrote it: \"\(path)\"") == true, "\(refused?.message ?? "")")
    }

    /// Runs something when the first file was made.
    private final class HookedProgress: RxClient.Progress {
        private let hook: @Sendable () -> Void

        init(_ hook: @escaping @Sendable () -> Void) { self.hook = hook }

        func begin(_ what: String, total: Int?) {}
        func advance(_ bytes: Int) { hook() }
        func end() {}
    }

    @Test func `takes turns with others who make the same folder`() throws {
        let records = try (0..<4).map { number in try put(Dictionary(uniqueKeysWithValues: (0..<20).map { ("f\($0)", "\(number) \($0)") }))
        }
        let exporter = exporter
        for round in 0..<5 {
            let out = "\(out)\(round)"
            try WorkerPool.forEach(0..<8, threads: 4) { index in
                try exporter.export(records[index % 4], toFolder: out, options: FolderOptions())
            }
            let numbers = Set(try names(out).map { try text("\(out)/\($0)").split(separator: " ")[0] })
            #expect(try names(out).count == 20 && numbers.count == 1)
        }
        #expect(try names(home.path).count == 6, "nothing is left aside")
    }

    @Test func `forgets the records that were used longest ago`() throws {
        let place = "\(home.path)/home/cache/folders"
        let record = try put(["a": "one"])
        try exporter.export(record, toFolder: out, options: FolderOptions())
        let own = try #require(try names(place).first)
        for number in 0..<FolderRecords.mostRecords {
            let path = try home.write("home/cache/folders/\(number)", "")
            var times = [timespec(tv_sec: 1000 + number, tv_nsec: 0), timespec(tv_sec: 1000 + number, tv_nsec: 0)]
            utimensat(AT_FDCWD, path, &times, 0)
        }
        try exporter.export(record, toFolder: "\(out)2", options: FolderOptions())
        let left = try names(place)
        #expect(left.count == FolderRecords.mostRecords && left.contains(own) && !left.contains("0") && left.contains("999"))
    }

    @Test func `takes turns with others at the same folder`() throws {
        let records = try (0..<4).map { number in try put(Dictionary(uniqueKeysWithValues: (0..<50).map { ("f\($0)", "\(number) \($0)") }))
        }
        try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: false)
        let exporter = exporter
        try WorkerPool.forEach(0..<16, threads: 4) { [out] index in
            try exporter.export(records[index % 4], toFolder: out, options: FolderOptions())
        }
        let numbers = Set(try names(out).map { try text("\(out)/\($0)").split(separator: " ")[0] })
        #expect(try names(out).count == 50 && numbers.count == 1)
    }
}
