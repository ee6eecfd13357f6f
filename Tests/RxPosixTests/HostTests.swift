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
        #expect(FileSystem.isLocal(folder.path))
    }

    @Test(arguments: [
        (0xEF53, true), (0x5846_5342, true), (0x9123_683E, true), (0xF2F5_2010, true), (0x0102_1994, true), (0x6573_5546, false),
        (0x0102_1997, false), (0x6969, false), (0x00C3_6400, false), (0x794C_7630, false), (-1, false),
    ])
    func `says nothing of a file system that others may keep`(type: Int, isLocal: Bool) {
        // statfs(2): ext4, XFS, btrfs, F2FS, tmpfs; FUSE and virtiofs, 9p, NFS, Ceph, overlayfs, and none that can be told.
        #expect(FileSystem.isLocal(type: type) == isLocal)
    }
}
