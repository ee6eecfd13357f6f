import Foundation
import RxModel
import RxTesting
import Testing

/// Blobs whose bytes changed, here or in a registry, are found by pushes.
@Suite struct DamagedPushTests {
    @Test(arguments: [100_000, 9 << 20]) func `a damaged blob is set aside, and put again it is whole`(_ size: Int) throws {
        let work = try TemporaryFolder()
        let registry = try RegistryProcess()
        let user = try User()
        try work.write("a/resource.json", #"{"name":"a","type":"text","tag":"1"}"#)
        try work.write("a/content", Data(repeating: 7, count: size))
        try user.rx("add", "./a", in: work.path)
        let file = try damage(digest(of: "a:1", of: user), in: user.home.path, at: size / 2)
        // As a disk does it: the file's times tell nothing.
        usleep(20_000)
        try FileManager.default.setAttributes([.posixPermissions: 0o444], ofItemAtPath: file)
        let failed = try user.run("copy", "a:1", "\(registry.host)/team/a:1")
        #expect(failed.status == 1 && failed.error.hasPrefix("error: Content integrity check failed: expected"), "\(failed.error)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(user.home.path)/damaged").count == 1)
        #expect(try user.run("info", "\(registry.host)/team/a:1").error.contains("Resource not found"))
        try work.write("a/content", Data(repeating: 7, count: size))
        try user.rx("add", "./a", in: work.path)
        try user.rx("copy", "a:1", "\(registry.host)/team/a:1")
        #expect(registry.end() == 0)
    }

    @Test(arguments: [100_000, 9 << 20]) func `what was written to in a registry's store is sent anew by the next push`(_ size: Int) throws
    {
        let work = try TemporaryFolder()
        let registry = try RegistryProcess()
        let user = try User()
        try work.write("a/resource.json", #"{"name":"a","type":"text","tag":"1"}"#)
        try work.write("a/content", Data(repeating: 7, count: size))
        try user.rx("add", "./a", in: work.path)
        try user.rx("push", "a:1", "--registry", registry.url)
        let digest = try digest(of: "a:1", of: user)
        for round in 1...2 {
            // Nobody has read it since: the push itself finds it.
            try damage(digest, in: registry.data.path, at: size / 2)
            try user.rx("push", "a:1", "--registry", registry.url)
            let read = try run(rxBinary, ["cat", "\(registry.host)/a:1"], environment: ["RX_HOME": "\(work.path)/home\(round)"])
            #expect(read.status == 0 && read.output == Data(repeating: 7, count: size), "\(read.error)")
        }
        func head() throws -> String {
            try run(
                "/usr/bin/curl",
                ["-sI", "-o", "/dev/null", "-w", "%{http_code}", "http://\(registry.host)/v2/a/blobs/sha256:\(digest)"]
            ).text
        }
        #expect(try head() == "200")
        try damage(digest, in: registry.data.path, at: 1)
        #expect(try head() == (size > 8 << 20 ? "200" : "404"), "a client that asks first sends it as well, but for long ones")
        #expect(registry.end() == 0)
    }

    /// The digits of the digest of a resource's first file.
    private func digest(of locator: String, of user: User) throws -> String {
        String(try #require(try user.run("info", locator, "--json").json()["files"]?.array?.first?["digest"]?.string).dropFirst(7))
    }

    /// Changes one byte of a blob's file, whose path it gives.
    @discardableResult
    private func damage(_ digest: String, in store: String, at offset: Int) throws -> String {
        let file = "\(store)/blobs/sha256/\(digest.prefix(2))/\(digest)"
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file)
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: file))
        try handle.seek(toOffset: UInt64(offset))
        try handle.write(contentsOf: Data([8]))
        try handle.close()
        return file
    }
}
