import RxTesting
import Testing

@testable import RxPosix

@Suite struct `The run of the machine` {
    @Test func `is the kernel's to say`() throws {
        let boot = try #require(Host.boot)
        #expect(boot != 0 && boot == Host.boot)
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/boot_id"
        try RxPosix.Files.replace(path, with: RxPosix.Files.read("/proc/sys/kernel/random/boot_id"))
        #expect(Host.boot(path) == nil, "a container's own, say")
        #expect(Host.boot("\(path).none") == nil)
        #expect(Host.boot("/proc/sys/kernel/random/uuid") != boot)
        #expect(Host.boot("/proc/version") == nil)
        #expect(!FileSystem.isElsewhere(folder.path))
    }

    @Test(arguments: [(0x6573_5546, true), (0x0102_1997, true), (0xEF53, false), (0x5846_5342, false), (0x9123_683E, false), (-1, false)])
    func `says nothing of a file system that others keep`(type: Int, isElsewhere: Bool) {
        // statfs(2): FUSE and virtiofs, 9p; ext4, XFS, btrfs, and none that can be told.
        #expect(FileSystem.isElsewhere(type: type) == isElsewhere)
    }
}
