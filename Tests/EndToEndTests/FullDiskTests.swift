import Foundation
import RxTesting
import Testing

/// A disk of a few megabytes, where this user may make one; unmounted with the object.
final class SmallDisk: Sendable {
    let folder: TemporaryFolder

    init(megabytes: Int) throws {
        folder = try TemporaryFolder()
        let ended = try run("/usr/bin/mount", ["-t", "tmpfs", "-o", "size=\(megabytes)m", "tmpfs", folder.path])
        #expect(ended.status == 0, "\(ended.error)")
    }

    deinit { _ = try? run("/usr/bin/umount", ["-l", folder.path]) }

    func grow(megabytes: Int) throws {
        #expect(try run("/usr/bin/mount", ["-o", "remount,size=\(megabytes)m", folder.path]).status == 0)
    }

    /// Whether disks can be made here at all.
    static let available: Bool = {
        guard getuid() == 0, let folder = try? TemporaryFolder(),
            (try? run("/usr/bin/mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", folder.path]).status) == 0
        else { return false }
        return (try? run("/usr/bin/umount", ["-l", folder.path]).status) == 0
    }()
}

/// A full disk on either side is a clear error, leaves nothing half stored, and the next try goes on.
@Suite(.enabled(if: SmallDisk.available, "needs root: makes small file systems")) struct FullDiskTests {
    static let count = 6
    static let fileSize = 10 << 20

    let work: TemporaryFolder
    let alice: User

    init() throws {
        work = try TemporaryFolder()
        alice = try User()
        try work.write("big/resource.json", #"{"name":"big","type":"text","tag":"1"}"#)
        for index in 0..<FullDiskTests.count {
            var state = UInt64(index + 1)
            let bytes = Data(
                (0..<(FullDiskTests.fileSize / 8)).flatMap { _ -> [UInt8] in
                    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                    return withUnsafeBytes(of: state.byteSwapped) { Array($0) }
                })
            try work.write("big/part\(index)", bytes)
        }
        try alice.rx("add", "./big", in: work.path)
    }

    @Test func `where a pull ends`() throws {
        let registry = try RegistryProcess()
        let proxy = try CountingProxy(to: registry)
        let remote = "localhost:\(proxy.port)/team/big:1"
        try alice.rx("copy", "big:1", remote)
        let disk = try SmallDisk(megabytes: 30)
        let home = ["RX_HOME": disk.folder.path]
        // Slow enough that little is on its way when the disk is full.
        proxy.slow(to: 2 << 20)
        let before = proxy.received
        let failed = try run(rxBinary, ["copy", remote, "big:1"], environment: home)
        #expect(failed.status == 1 && failed.error.contains("No space left on device"), "\(failed.error)")
        #expect(failed.error.contains("hint: free some space"), "\(failed.error)")
        proxy.slow(to: 0)
        try disk.grow(megabytes: 200)
        #expect(try run(rxBinary, ["list"], environment: home).text == "No resources found\n")
        let again = try run(rxBinary, ["copy", remote, "big:1"], environment: home)
        #expect(again.status == 0, "\(again.error)")
        let moved = proxy.received - before
        // The second try has what the first one kept: that the first one had nothing is what this rules out.
        #expect(moved < FullDiskTests.count * FullDiskTests.fileSize + (16 << 20), "\(moved)")
        let out = try run(rxBinary, ["export", "big:1", "\(work.path)/out"], environment: home)
        #expect(out.status == 0)
        #expect(try difference("\(work.path)/big", "\(work.path)/out") == "")
    }

    @Test func `where a push ends`() throws {
        let disk = try SmallDisk(megabytes: 30)
        let registry = try RegistryProcess(data: disk.folder)
        let proxy = try CountingProxy(to: registry)
        let remote = "localhost:\(proxy.port)/team/big:1"
        let failed = try alice.run("copy", "big:1", remote)
        #expect(failed.status == 1 && failed.error.contains("507"), "\(failed.error)")
        #expect(failed.error.contains("No space left on device") || failed.error.contains("full"), "\(failed.error)")
        let bob = try User()
        #expect(try bob.run("info", remote).error.contains("Resource not found"))
        try disk.grow(megabytes: 200)
        try alice.rx("copy", "big:1", remote)
        try bob.rx("copy", remote, "big:1")
        try bob.rx("export", "big:1", "\(work.path)/out")
        #expect(try difference("\(work.path)/big", "\(work.path)/out") == "")
        #expect(registry.end() == 0)
    }

    @Test(arguments: ["out", "out.tar.gz"]) func `where an export ends`(_ target: String) throws {
        let disk = try SmallDisk(megabytes: 30)
        let failed = try alice.run("export", "big:1", "\(disk.folder.path)/\(target)")
        #expect(failed.status == 1 && failed.error.contains("No space left on device"), "\(failed.error)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: disk.folder.path).isEmpty)
        try disk.grow(megabytes: 200)
        try alice.rx("export", "big:1", "\(disk.folder.path)/\(target)")
    }
}
