import Foundation
import RxCrypto
import RxLoader
import RxModel
import RxPosix
import RxRun
import RxStore
import RxTesting
import Testing

@Suite struct `A view` {
    let bench: Bench
    var shelves: Shelves { bench.shelves }

    init() throws { bench = try Bench() }

    private func resource() throws -> OpenedResource {
        let stored = try shelves.put(
            "tree:1",
            [
                "a.py": "a", "pkg/b.py": "b", "pkg/deep/c.txt": "c", "run.sh": "#!/bin/sh\n", "link": "->pkg/deep/c.txt", "dir": "->pkg",
                "pkg/up": "->../a.py", "chain": "->link", "empty": "",
            ])
        return OpenedResource(stored, root: bench.views.root(stored.digest))
    }

    private func present(_ path: String, _ resource: OpenedResource) throws -> String? {
        try bench.views.present(FilePath(parsing: path), of: resource) { try resource.stored.open($0) }
    }

    private func listing(_ root: String) throws -> [String] {
        try Files.tree(root).map { String($0.dropFirst(root.utf8.count + 1)) }.sorted()
    }

    @Test func `has what was asked for and nothing else`() throws {
        let resource = try resource()
        let path = try #require(try present("pkg/b.py", resource))
        #expect(path == "\(resource.root)/pkg/b.py")
        #expect(try Files.read(path) == Array("b".utf8))
        #expect(try listing(resource.root) == ["pkg/b.py"])
        #expect(try present("pkg/nothing", resource) == nil)
        #expect(try present("a.py/b", resource) == nil)
        #expect(try present("empty", resource) != nil)
        #expect(try listing(resource.root) == ["empty", "pkg/b.py"], "what is not there makes nothing")
        #expect(try present("pkg/deep", resource) != nil)
        #expect(Files.isFolder("\(resource.root)/pkg/deep"), "a folder that is asked for is there, empty")
    }

    @Test func `shows symlinks as symlinks, with what they lead to`() throws {
        let resource = try resource()
        for (path, text) in [("chain", "c"), ("dir/b.py", "b"), ("pkg/up", "a"), ("dir/up", "a")] {
            let shown = try #require(try present(path, resource))
            #expect(try Files.read(shown) == Array(text.utf8), "\(path)")
        }
        #expect(try Files.status("\(resource.root)/chain")?.isSymlink == true)
        #expect(try Files.status("\(resource.root)/dir")?.isSymlink == true)
        #expect(try listing(resource.root) == ["a.py", "chain", "dir", "link", "pkg/b.py", "pkg/deep/c.txt", "pkg/up"])
    }

    @Test func `has nothing that is behind a symlink which others put in a folder's place`() throws {
        let resource = try resource()
        let path = try FilePath(parsing: "pkg/b.py")
        _ = try present("pkg/b.py", resource)
        #expect(bench.views.has(path, of: resource))
        try Files.removeTree("\(resource.root)/pkg")
        try bench.folder.write("elsewhere/b.py", "x")
        try OpenFolder(resource.root).makeSymlink("pkg", to: "\(bench.folder.path)/elsewhere")
        #expect(!bench.views.has(path, of: resource))
    }

    @Test func `keeps who may execute, and one time of change`() throws {
        let resource = try resource()
        for path in ["run.sh", "a.py"] {
            let shown = try #require(try present(path, resource))
            let status = try #require(try Files.status(shown))
            #expect(status.st_mode & 0o111 == (path == "run.sh" ? 0o111 : 0))
            #expect(status.modifiedAt == 946_684_800 * 1_000_000_000)
        }
    }

    @Test func `never makes anything behind a symlink that others put there`() throws {
        let resource = try resource()
        let outside = try TemporaryFolder()
        try Files.makeFolders(resource.root)
        try Files.makeSymlink("\(resource.root)/pkg", to: outside.path)
        #expect(throws: PosixError.self) { try present("pkg/b.py", resource) }
        #expect(try Files.names(in: outside.path) == [])
        try Files.makeSymlink("\(resource.root)/a.py", to: "\(outside.path)/a.py")
        let path = try #require(try present("a.py", resource))
        #expect(try Files.status(path)?.isRegular == true, "what is in the place of a file is replaced")
        #expect(try Files.names(in: outside.path) == [])
    }

    @Test func `replaces what is not the file, and leaves what is not its own`() throws {
        let resource = try resource()
        _ = try present("a.py", resource)
        try Files.remove("\(resource.root)/a.py")
        try Files.replace("\(resource.root)/a.py", with: Array("longer".utf8))
        try Files.makeFolders("\(resource.root)/__pycache__")
        try Files.replace("\(resource.root)/__pycache__/a.pyc", with: [1])
        #expect(try Files.read(try #require(try present("a.py", resource))) == Array("a".utf8))
        try Files.remove("\(resource.root)/a.py")
        try Files.makeFolders("\(resource.root)/a.py/x")
        #expect(try Files.read(try #require(try present("a.py", resource))) == Array("a".utf8))
        #expect(try Files.read("\(resource.root)/__pycache__/a.pyc") == [1])
    }

    @Test func `has no file whose bytes are wrong`() throws {
        let resource = try resource()
        shelves.damage("b")
        shelves.damage("#!/bin/sh\n")
        shelves.damage("longer text")
        let other = try shelves.put("other:1", ["x": "longer text"])
        shelves.damage("longer text")
        let opened = OpenedResource(other, root: bench.views.root(other.digest))
        #expect(throws: ContentError.self) { try present("run.sh", resource) }
        #expect(throws: ContentError.self) { try present("x", opened) }
        #expect(try listing(opened.root) == [])
        #expect(try Files.names(in: "\(bench.folder.path)/cache/views/.aside") == [])
    }

    @Test func `that is removed is made anew`() throws {
        let resource = try resource()
        _ = try present("pkg/b.py", resource)
        try Files.removeTree("\(bench.folder.path)/cache")
        #expect(try Files.read(try #require(try present("pkg/b.py", resource))) == Array("b".utf8))
    }

    @Test func `is filled by many at once`() throws {
        let stored = try shelves.put(
            "many:1", Dictionary(uniqueKeysWithValues: (0..<50).map { ("d\($0 % 5)/f\($0)", "#!\($0)") }))
        let root = bench.views.root(stored.digest)
        let (shelves, folder) = (bench.shelves, bench.folder)
        try WorkerPool.forEach(0..<400, threads: 16) { index in
            // Each as another host would: nothing is shared but the folder.
            let views = try ViewFolders(home: folder.path)
            let resource = OpenedResource(stored, root: root)
            let file = resource.tree.files[index % 50]
            let path = try views.present(file.path, of: resource) { try resource.stored.open($0) }
            guard try path.map({ try Files.read($0) }) == Array("#!\(file.path.lastName.dropFirst())".utf8) else {
                throw RegistryError("\(file.path) is wrong", code: .internalError)
            }
        }
        #expect(try listing(root).count == 50)
        #expect(!shelves.opened.isEmpty)
    }

    @Test func `has copies, through which nobody reaches the store`() throws {
        let home = try TemporaryFolder()
        let store = try DiskStore(at: home.path)
        let operation = try store.begin()
        for text in ["plain", "#!run"] { _ = try operation.stage(BytesSource(Array(text.utf8)), expecting: nil) }
        try operation.publish()
        let views = try ViewFolders(home: home.path)
        let stored = try shelves.put("linked:1", ["a": "plain", "b": "#!run"])
        let resource = OpenedResource(stored, root: views.root(stored.digest))
        for (name, text) in [("a", "plain"), ("b", "#!run")] {
            let path = try #require(try views.present(FilePath(parsing: name), of: resource) { try store.open($0.digest) })
            let status = try #require(try Files.status(path))
            #expect(status.st_nlink == 1)
            #expect(status.st_mode & 0o222 == 0)
            try #require(chmod(path, 0o644) == 0 && truncate(path, 0) == 0)
            #expect(try store.open(sha256(Array(text.utf8))).readAll(limit: 100) == Array(text.utf8))
        }
    }

    @Test func `is restored to what the resource has`() throws {
        let resource = try resource()
        for path in ["a.py", "pkg/b.py", "run.sh", "link"] { _ = try present(path, resource) }
        let root = resource.root
        for path in ["pkg/b", "a.py/__init__.py", "stray.py", "pkg/__pycache__/b.pyc", "dir/x"] {
            if path.hasPrefix("a.py/") { try Files.remove("\(root)/a.py") }
            try Files.makeFolders(Files.folder(of: "\(root)/\(path)"))
            try Files.replace("\(root)/\(path)", with: [1])
        }
        try Files.remove("\(root)/pkg/b.py")
        try Files.replace("\(root)/pkg/b.py", with: Array("B".utf8))
        #expect(try bench.views.restore(resource).map(\.text) == ["a.py", "dir", "pkg/b.py"], "what is beside the files is no damage")
        #expect(try listing(root) == ["link", "pkg/deep/c.txt", "run.sh"])
        for (path, text) in [("pkg/b.py", "b"), ("a.py", "a"), ("dir/b.py", "b")] {
            #expect(try Files.read(try #require(try present(path, resource))) == Array(text.utf8))
        }
    }

    @Test func `has all files of a folder at once`() throws {
        let resource = try resource()
        let supply = bench.supply
        #expect(try supply.present(folder: FilePath(parsing: "nothing"), of: resource) == nil)
        #expect(try supply.present(folder: FilePath(parsing: "a.py"), of: resource) == nil, "it is no folder")
        _ = try present("pkg/b.py", resource)
        let read = shelves.opened
        #expect(try supply.present(folder: FilePath(parsing: "pkg"), of: resource)?.map(\.text) == ["pkg/b.py", "pkg/up"])
        #expect(try listing(resource.root) == ["a.py", "pkg/b.py", "pkg/up"], "with what its symlinks lead to")
        #expect(Files.isFolder("\(resource.root)/pkg/deep"), "and folders for those within")
        #expect(Array(shelves.opened.dropFirst(read.count)) == ["a.py"])
        #expect(try supply.present(folder: FilePath(parsing: "dir"), of: resource)?.count == 2, "through a symlink")
        let all = try supply.present(folder: nil, of: resource)?.map(\.text)
        #expect(all == ["a.py", "chain", "empty", "link", "run.sh"])
        #expect(try Files.read("\(resource.root)/chain") == Array("c".utf8))
    }

    @Test func `has a list of its files and of what it provides, also when that was removed`() throws {
        let stored = try shelves.put("told:1", ["a.py": "a", "b": "->a.py"], provides: ["python": ["a"], "node": ["@x/a"]])
        let resource = OpenedResource(stored, root: bench.views.root(stored.digest))
        for _ in 0..<2 {
            #expect(try present("nothing", resource) == nil)
            let list = String(decoding: try Files.read("\(resource.root).files"), as: UTF8.self)
            #expect(list == "a.py\0b\0\0node:@x/a\0python:a\0->b\0")
            try ViewFolders.removeAll(home: bench.folder.path)
            #expect(try Files.status("\(resource.root).files") == nil)
        }
    }

    @Test func `that is cleared away leaves the notes of programs that run, whose end is told`() throws {
        let policy = ModulePolicy(lock: nil, lockFile: nil, patterns: [])
        let notes = try RunNotes(policy: policy, table: "", views: bench.views)
        let path = try #require(notes.environment["RX_LOADER_USES"])
        try Files.replace(path, with: Array("x\0".utf8))
        try ViewFolders.removeAll(home: bench.folder.path)
        #expect(notes.uses == Array("x\0".utf8))
        #expect(!notes.isCut)
        try Files.replace(path, with: [UInt8](repeating: 0, count: 32 << 20))
        #expect(notes.isCut)
    }

    @Test(arguments: ["open", "fsync", "write", "rename", "futimens", "mkdir"]) func `leaves nothing half made on a full disk`(
        _ call: String
    )
        throws
    {
        let resource = try resource()
        try #require(Fault.available)
        Fault.inject(call, ENOSPC, under: bench.folder.path)
        #expect { try present("run.sh", resource) } throws: { ($0 as? PosixError)?.code == .storageFull }
        Fault.clear(under: bench.folder.path)
        #expect(((try? listing(resource.root)) ?? []) == [])
        #expect(try present("run.sh", resource) != nil)
    }
}
