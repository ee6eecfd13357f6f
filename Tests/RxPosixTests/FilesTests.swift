import Glibc
import RxModel
import RxPosix
import RxTesting
import Testing

@Suite struct `Files` {
    @Test func `are replaced whole or not at all, whichever call fails`() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("a", "old")
        for call in ["open", "write", "fsync", "rename"] {
            RxPosix.Fault.inject(call, ENOSPC, under: folder.path)
            let error = #expect(throws: PosixError.self) { try RxPosix.Files.replace(path, with: Array("new".utf8)) }
            RxPosix.Fault.clear(under: folder.path)
            #expect(error?.code == .storageFull)
            #expect(try RxPosix.Files.read(path) == Array("old".utf8), "\(call)")
            #expect(try RxPosix.Files.names(in: folder.path) == ["a"], "\(call) leaves nothing behind")
        }
        try RxPosix.Files.replace(path, with: Array("new".utf8))
        #expect(try RxPosix.Files.read(path) == Array("new".utf8))
    }

    @Test func `of which each has a number that a copy has not`() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("a", "1")
        let number = try FileDescriptor.open(path, O_RDONLY).identity
        #expect(number != 0)
        #expect(try FileDescriptor.open(folder.write("b", "1"), O_RDONLY).identity != number)
        // Neither its bytes nor its name matter.
        try folder.write("a", "2")
        #expect(rename(path, "\(folder.path)/c") == 0)
        #expect(try FileDescriptor.open("\(folder.path)/c", O_RDWR).identity == number)
    }

    @Test func `and folders come and go`() throws {
        let folder = try TemporaryFolder()
        try RxPosix.Files.makeFolders("\(folder.path)/a/b/c")
        try RxPosix.Files.makeFolders("\(folder.path)/a/b/c")
        try folder.write("a/b/c/file", "1")
        symlink("/", "\(folder.path)/a/link")
        try RxPosix.Files.removeTree("\(folder.path)/a")
        try RxPosix.Files.removeTree("\(folder.path)/a")
        #expect(try RxPosix.Files.names(in: folder.path).isEmpty)
        #expect(RxPosix.Files.isFolder("/"), "a symlink is removed, not followed")
    }

    @Test func `of a cache go by age, until few and short enough are left`() throws {
        let folder = try TemporaryFolder()
        let names = ["d", "a", "c", "b"]
        for (age, name) in names.enumerated() {
            var times = [timespec(tv_sec: 1000 + age, tv_nsec: 0), timespec(tv_sec: 1000 + age, tv_nsec: 0)]
            utimensat(AT_FDCWD, try folder.write(name, "12345"), &times, 0)
        }
        let paths = names.map { "\(folder.path)/\($0)" } + ["\(folder.path)/gone"]
        func left() throws -> [String] { try RxPosix.Files.names(in: folder.path).sorted() }
        RxPosix.Files.evict(paths, count: 4)
        RxPosix.Files.evict(paths, bytes: 20)
        #expect(try left() == ["a", "b", "c", "d"])
        RxPosix.Files.evict(paths, count: 3)
        #expect(try left() == ["a", "b", "c"])
        RxPosix.Files.evict(paths, bytes: 14)
        #expect(try left() == ["b", "c"])
        RxPosix.Files.touch(paths[2])
        RxPosix.Files.evict(paths, count: 1)
        #expect(try left() == ["c"])
    }

    @Test func `that are full say what to do`() {
        let error = PosixError("write", "/x", errno: ENOSPC)
        #expect(error.message == "write /x: No space left on device")
        #expect(error.hint?.contains("rx gc") == true)
    }
}
