import Foundation
import RxTesting
import Testing

/// `make large`: bounded memory for content that is far larger.
@Suite struct `LargeArchive` {
    static let isWanted = ProcessInfo.processInfo.environment["RX_LARGE"] != nil

    @Test(.enabled(if: isWanted, "takes a minute and 10 GiB of disk: run make large"))
    func `of 3 GiB goes out and in with less than 64 MiB of memory, in every process`() throws {
        let work = try TemporaryFolder()
        let registry = try RegistryProcess()
        let alice = try User(["RX_REGISTRY": registry.url])
        let bob = try User(["RX_REGISTRY": registry.url])
        try work.write("large/resource.json", #"{"name":"large","type":"folder"}"#)
        let made = try run(
            "/bin/sh", ["-c", "cd \"$1/large\" && truncate -s 2G zeros && head -c 1G /dev/urandom > random", "sh", work.path], seconds: 300)
        #expect(made.status == 0)
        for step in [
            (alice, ["add", "\(work.path)/large"]), (alice, ["export", "large", "\(work.path)/large.tar.gz"]), (alice, ["push", "large"]),
            (bob, ["import", "\(work.path)/large.tar.gz"]), (bob, ["pull", "large"]), (bob, ["export", "large", "\(work.path)/out"]),
        ] {
            let ended = try run(rxBinary, step.1, environment: ["RX_HOME": step.0.home.path, "RX_REGISTRY": registry.url], seconds: 600)
            #expect(ended.status == 0, "\(step.1): \(ended.error)")
            #expect(ended.peakKiB < 64 << 10, "\(step.1) had \(ended.peakKiB) KiB")
        }
        #expect(registry.peakKiB < 64 << 10, "the registry had \(registry.peakKiB) KiB")
        #expect(try run("/usr/bin/cmp", ["\(work.path)/large/random", "\(work.path)/out/random"], seconds: 300).status == 0)
    }
}
