import Foundation
import RxCrypto
import RxModel
import RxPosix
import RxTesting
import Testing

@testable import RxStore

/// FIFOs, folders and symlinks where the store has files of its own.
@Suite struct `A store with strange things in its folder` {
    let folder: TemporaryFolder
    let store: DiskStore
    private let name = "00000000-0000-4000-8000-000000000000"

    init() throws {
        folder = try TemporaryFolder()
        store = try DiskStore(at: folder.path)
        try put(["content": "hello", "empty": "", "more": "others"], try definition("a"), in: store)
    }

    private func path(_ text: String) -> String { store.layout.blob(sha256(Array(text.utf8))) }

    private func makeFIFO(_ path: String) throws {
        try Files.remove(path)
        #expect(mkfifo(path, 0o600) == 0)
    }

    /// Puts a folder, with a file in it, in the place of whatever is there.
    private func makeFolder(_ path: String) throws {
        try Files.remove(path)
        try Files.makeFolders(path)
        try Files.replace("\(path)/inside", with: [1])
    }

    private func age(_ path: String) {
        var times = [timespec(tv_sec: 1, tv_nsec: 0), timespec(tv_sec: 1, tv_nsec: 0)]
        #expect(utimensat(AT_FDCWD, path, &times, AT_SYMLINK_NOFOLLOW) == 0)
    }

    /// Runs `body`, which may not wait for anybody at the other end of the FIFO at `path`: after 20 seconds somebody comes there, so that it ends in
    /// any case.
    private func promptly<Value: Sendable>(_ path: String, _ body: @escaping @Sendable () throws -> Value) throws -> Value {
        let done = Monitor<Result<Value, any Error>?>(nil)
        RxPosix.Thread.detach {
            let result = Result { try body() }
            done.update { $0 = result }
        }
        if let result = done.wait(seconds: 20, until: { $0 }) { return try result.get() }
        Issue.record("it waits for the FIFO \(path)")
        while done.wait(seconds: 0.1, until: { $0 }) == nil {
            // Whoever reads finds the end; whoever comes later is let go, too.
            let other = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)
            if other >= 0 { close(other) }
        }
        return try #require(done.wait(seconds: 1) { $0 }).get()
    }

    @Test(arguments: ["fifo", "folder", "symlink"])
    func `collects what is no file in uploads once it is old, and what is behind it`(_ kind: String) throws {
        let (old, young) = (store.layout.upload(name), store.layout.upload(String(name.dropLast()) + "1"))
        for path in [old, young] {
            switch kind {
            case "fifo": try makeFIFO(path)
            case "folder": try makeFolder(path)
            default: try Files.makeSymlink(path, to: "\(folder.path)/catalog.sqlite")
            }
        }
        age(old)
        let archive = "\(store.layout.archives)/\(String(repeating: "0", count: 64)).tar.gz"
        try Files.replace(archive, with: [1])
        let report = try promptly(old) { [store] in try store.collect(CollectionOptions()) }
        #expect(report.leftoverKinds.uploads == 1 && report.leftoverKinds.archives == 1)
        #expect(try Files.status(old) == nil && Files.status(young) != nil && Files.status(archive) == nil)
        #expect(try Files.names(in: store.layout.trash).isEmpty)
        #expect(try Files.status(store.layout.catalog) != nil)
    }

    @Test(.enabled(if: Fault.available)) func `collects what is behind an upload that cannot be opened or deleted`() throws {
        let (unopened, undeleted) = (store.layout.upload(name), store.layout.upload(String(name.dropLast()) + "1"))
        for path in [unopened, undeleted] {
            try Files.replace(path, with: [1])
            age(path)
        }
        let archive = "\(store.layout.archives)/\(String(repeating: "0", count: 64)).tar.gz"
        try Files.replace(archive, with: [1])
        defer { for path in [unopened, undeleted] { Fault.clear(under: path) } }
        Fault.inject("open", EACCES, under: unopened)
        Fault.inject("unlink", EPERM, under: undeleted)
        let report = try store.collect(CollectionOptions())
        #expect(report.leftoverKinds.uploads == 0 && report.leftoverKinds.archives == 1)
        #expect(try store.collect(CollectionOptions()).leftoverKinds.uploads == 2)
    }

    @Test func `has no upload where a FIFO or a folder is`() throws {
        for make in [makeFIFO, makeFolder] {
            let path = store.layout.upload(name)
            try make(path)
            let isThere = try promptly(path) { [store, name] in
                try store.catalog.write { database, now in
                    try database.run("INSERT OR REPLACE INTO uploads VALUES (?, 'r', ?)", .text(name), .integer(now + 1000))
                }
                return try store.upload(name, in: "r") != nil || store.received(name, in: "r") != nil
            }
            #expect(!isThere)
            try Files.removeTree(path)
        }
    }

    @Test func `collects a folder that is named like a blob, and what is behind it`() throws {
        let strange = store.layout.blob(sha256(Array("strange".utf8)))
        let orphan = store.layout.blob(sha256(Array("orphan".utf8)))
        try makeFolder(strange)
        try Files.replace(orphan, with: [1])
        #expect(try store.collect(CollectionOptions()).leftoverKinds.orphans == 2)
        #expect(try Files.status(strange) == nil && Files.status(orphan) == nil)
        #expect(try Files.names(in: store.layout.trash).isEmpty)
        #expect(try store.collect(CollectionOptions()).leftovers == 0)
    }

    @Test func `opens with a folder in its trash that is named after a blob which is there`() throws {
        try makeFolder("\(store.layout.trash)/\(sha256(Array("hello".utf8)).hex).killed")
        let other = try DiskStore(at: folder.path)
        #expect(try text(sha256(Array("hello".utf8)), in: other) == "hello")
        #expect(try Files.names(in: store.layout.trash).isEmpty)
        // Neither does it take the place of one that is not.
        try Files.remove(path("others"))
        try makeFolder("\(store.layout.trash)/\(sha256(Array("others".utf8)).hex).killed")
        _ = try DiskStore(at: folder.path)
        #expect(try Files.names(in: store.layout.trash).isEmpty && Files.status(path("others")) == nil)
    }

    @Test func `returns a blob from its trash to a place where a folder is`() throws {
        try Files.rename(path("hello"), to: "\(store.layout.trash)/\(sha256(Array("hello".utf8)).hex).killed")
        try makeFolder(path("hello"))
        let other = try DiskStore(at: folder.path)
        #expect(try text(sha256(Array("hello".utf8)), in: other) == "hello")
    }

    @Test(arguments: [true, false]) func `is healed by the next put where a folder is in a blob's place`(byUpload: Bool) throws {
        try makeFolder(path("hello"))
        #expect(throws: RegistryError.self) { try store.open(sha256(Array("hello".utf8))).readAll() }
        if byUpload {
            let upload = try store.beginUpload(in: "r")
            try Array("hello".utf8).withUnsafeBytes { try upload.append($0) }
            _ = try upload.finish(as: .sha256(sha256(Array("hello".utf8))))
        } else {
            try put(["content": "hello"], try definition("b"), in: store)
        }
        #expect(try text(sha256(Array("hello".utf8)), in: store) == "hello")
        // What was there is for whoever wants to look at it, until its time has passed.
        #expect(try Files.names(in: store.layout.damaged).count == 1)
        #expect(try store.forgetDamaged(before: Clock.now + 1000) == 1)
        #expect(try Files.names(in: store.layout.damaged).isEmpty)
    }

    @Test func `has no blob where a folder of its length is`() throws {
        let length = Int(try #require(try Files.status(store.layout.trash)).st_size)
        let long = String(repeating: "x", count: length)
        try put(["long": long], try definition("long"), in: store)
        let blob = StagedBlob(digest: sha256(Array(long.utf8)), size: length)
        try makeFolder(path(long))
        try #require(try Files.status(path(long))?.st_size == off_t(length))
        #expect(throws: RegistryError.self) { try store.size(of: blob.digest) }
        #expect(throws: RegistryError.self) { try store.content(of: blob) }
        #expect(try store.layout.look(at: [blob]).absent == [blob.digest])
        try put(["long": long], try definition("long"), in: store)
        #expect(try text(blob.digest, in: store) == long)
    }

    @Test func `reads nothing from a FIFO or a symlink in a blob's place`() throws {
        for text in ["hello", ""] {
            let blob = StagedBlob(digest: sha256(Array(text.utf8)), size: text.utf8.count)
            try makeFIFO(path(text))
            for read in [
                { [store] in _ = try store.content(of: blob) }, { [store] in _ = try store.trusted(blob, upTo: 100) },
                { [store] in _ = try store.verified(blob).readAll() }, { [store] in _ = try store.open(blob.digest).readAll() },
            ] as [@Sendable () throws -> Void] {
                #expect(throws: RegistryError.self) { try promptly(path(text), read) }
            }
            try Files.remove(path(text))
            try Files.replace("\(folder.path)/elsewhere", with: Array(text.utf8))
            try Files.makeSymlink(path(text), to: "\(folder.path)/elsewhere")
            #expect(throws: RegistryError.self) { try store.content(of: blob) }
            #expect(throws: RegistryError.self) { try store.open(blob.digest).readAll() }
            try put(["content": text], try definition("b"), in: store)
            #expect(try RxTesting.text(blob.digest, in: store) == text)
        }
    }

    @Test func `opens where a FIFO is in the place of a small blob that was not durable`() throws {
        let bytes = Array("small".utf8)
        let root = "\(folder.path)/inner"
        let place = try {
            let inner = try DiskStore(at: root)
            let upload = try inner.beginUpload(in: "r")
            try bytes.withUnsafeBytes { try upload.append($0) }
            _ = try upload.finish(as: .sha256(sha256(bytes)))
            return inner.layout.blob(sha256(bytes))
        }()
        try makeFIFO(place)
        let inner = try promptly(place) { try DiskStore(at: root) }
        #expect(try inner.open(sha256(bytes)).readAll() == bytes)
    }
}
