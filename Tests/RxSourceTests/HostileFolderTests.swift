import Foundation
import Glibc
import RxModel
import RxPosix
import RxSource
import RxTesting
import Testing

@Suite struct HostileFolderTests {
    @Test func `a fifo is refused by name`() throws {
        let folder = try NamedFolder("f", ["a/x": ""])
        mkfifo(folder.path + "/a/pipe", 0o644)
        #expect(failure { try folder.entries() }?.message == "entry \"a/pipe\": a fifo cannot be part of a resource")
        try folder.write(".rxignore", "pipe")
        #expect(try folder.paths() == ["a/x"])
    }

    @Test func `a socket is refused by name`() throws {
        let folder = try NamedFolder("f")
        let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(number) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: (folder.path + "/sock").utf8) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
        }
        try #require(result == 0)
        #expect(failure { try folder.entries() }?.message == "entry \"sock\": a socket cannot be part of a resource")
    }

    @Test(.enabled(if: geteuid() == 0)) func `a device is refused by name`() throws {
        let folder = try NamedFolder("f")
        guard mknod(folder.path + "/null", S_IFCHR | 0o600, 0x103) == 0 else { return }
        #expect(failure { try folder.entries() }?.message == "entry \"null\": a device cannot be part of a resource")
    }

    @Test func `a name that is not UTF-8 is refused`() throws {
        let folder = try NamedFolder("f")
        close(open(folder.path + "/ok", O_CREAT | O_WRONLY, 0o644))
        (Array((folder.path + "/b").utf8) + [0xFF, 0]).withUnsafeBytes { name in
            _ = close(open(name.baseAddress!.assumingMemoryBound(to: CChar.self), O_CREAT | O_WRONLY, 0o644))
        }
        let error = failure { try folder.entries() }
        #expect(error?.message == "entry \"b\u{FFFD}\": the name is not UTF-8")
        #expect(error is ContentError)
    }

    @Test func `a folder's name that is not UTF-8 is refused`() throws {
        let folder = try NamedFolder("f")
        (Array((folder.path + "/b").utf8) + [0xFF, 0]).withUnsafeBytes {
            _ = mkdir($0.baseAddress!.assumingMemoryBound(to: CChar.self), 0o755)
        }
        #expect(failure { try folder.entries() }?.message == "entry \"b\u{FFFD}\": the name is not UTF-8")
    }

    @Test(arguments: ["a\nb", "a\nb/c"]) func `a name with a newline is refused`(_ name: String) throws {
        let folder = try NamedFolder("f", [name: ""])
        let shown = name.replacingOccurrences(of: "\n", with: "\\n")
        #expect(failure { try folder.entries() }?.message == "entry \"\(shown)\": a name may not hold a newline or NUL")
    }

    @Test func `a symlink whose target is not UTF-8 is refused`() throws {
        let folder = try NamedFolder("f")
        _ = [UInt8]([0xFF, 0]).withUnsafeBytes { symlink($0.baseAddress!.assumingMemoryBound(to: CChar.self), folder.path + "/l") }
        #expect(failure { try folder.entries() }?.message == "entry \"l\": the symlink's target is not UTF-8")
    }

    @Test func `a tree that is too deep for a path is refused`() throws {
        let folder = try NamedFolder("f")
        let name = String(repeating: "d", count: 200)
        var at = open(folder.path, O_RDONLY | O_DIRECTORY)
        for _ in 0..<22 {
            mkdirat(at, name, 0o755)
            let next = openat(at, name, O_RDONLY | O_DIRECTORY)
            close(at)
            at = next
        }
        close(openat(at, "x", O_CREAT | O_WRONLY, 0o644))
        close(at)
        #expect(failure { try folder.entries() }?.message.hasSuffix(": the path is longer than 4096 bytes") == true)
        try run("rm", ["-rf", folder.path])
    }

    @Test func `a .rxignore that is no file is refused`() throws {
        let folder = try NamedFolder("f", ["x": ""])
        try folder.symlink(".rxignore", to: "/etc/passwd")
        #expect(failure { try folder.entries() }?.message == "\(folder.path)/.rxignore is not a regular file")
    }

    @Test func `a file that changed since the walk is not read`() throws {
        let folder = try NamedFolder("f", ["a/x": "1", "y": "1"])
        let entries = try folder.entries()
        try folder.write("y", "22")
        #expect(failure { try entries[1].open() }?.message == "entry \"y\": the file changed while it was read")
        let file = try entries[0].open()
        try entries[0].checkUnchanged(file)
        try FileManager.default.removeItem(atPath: folder.path + "/a/x")
        #expect(failure { try entries[0].open() }?.message == "entry \"a/x\": cannot be read: No such file or directory")
    }

    @Test func `a file or folder that was put in a symlink's place is never followed`() throws {
        let folder = try NamedFolder("f", ["a/passwd": "mine", "b": "mine"])
        let entries = try folder.entries()
        try FileManager.default.removeItem(atPath: folder.path + "/a")
        try folder.symlink("a", to: "/etc")
        try FileManager.default.removeItem(atPath: folder.path + "/b")
        try folder.symlink("b", to: "/etc/passwd")
        #expect(failure { try entries[0].open() }?.message.hasPrefix("entry \"a/passwd\": cannot be read: ") == true)
        #expect(failure { try entries[1].open() }?.message == "entry \"b\": cannot be read: it is no longer a file")
    }

    @Test func `a fifo in a file's place does not make anybody wait`() throws {
        let folder = try NamedFolder("f", ["x": "1"])
        let entry = try #require(try folder.entries().first)
        try FileManager.default.removeItem(atPath: folder.path + "/x")
        mkfifo(folder.path + "/x", 0o644)
        #expect(failure { try entry.open() }?.message == "entry \"x\": the file changed while it was read")
    }

    @Test(.enabled(if: geteuid() != 0)) func `an unreadable file is refused by name`() throws {
        let folder = try NamedFolder("f", ["x": "1"])
        chmod(folder.path + "/x", 0)
        let entry = try #require(try folder.entries().first)
        #expect(failure { try entry.open() }?.message == "entry \"x\": cannot be read: Permission denied")
    }
}
