import Foundation
import RxModel
import RxTesting
import Testing

/// A local blob whose bytes changed on the disk is found when a registry refuses them.
@Suite struct DamagedPushTests {
    @Test(arguments: [100_000, 9 << 20]) func `a damaged blob is set aside, and put again it is whole`(_ size: Int) throws {
        let work = try TemporaryFolder()
        let registry = try RegistryProcess()
        let user = try User()
        try work.write("a/resource.json", #"{"name":"a","type":"text","tag":"1"}"#)
        try work.write("a/content", Data(repeating: 7, count: size))
        try user.rx("add", "./a", in: work.path)
        let digest = try #require(try user.run("info", "a:1", "--json").json()["files"]?.array?.first?["digest"]?.string).dropFirst(7)
        let file = "\(user.home.path)/blobs/sha256/\(digest.prefix(2))/\(digest)"
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file)
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: file))
        try handle.seek(toOffset: UInt64(size / 2))
        try handle.write(contentsOf: Data([8]))
        try handle.close()
        let failed = try user.run("copy", "a:1", "\(registry.host)/team/a:1")
        #expect(failed.status == 1 && failed.error.hasPrefix("error: Content integrity check failed: expected"), "\(failed.error)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(user.home.path)/damaged").count == 1)
        #expect(try user.run("info", "\(registry.host)/team/a:1").error.contains("Resource not found"))
        try work.write("a/content", Data(repeating: 7, count: size))
        try user.rx("add", "./a", in: work.path)
        try user.rx("copy", "a:1", "\(registry.host)/team/a:1")
        #expect(registry.end() == 0)
    }
}
