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
    }
}
