import Foundation
import RxModel
import RxTesting
import Synchronization
import Testing

/// `rx verify` and the healing of what a disk has changed, with real processes.
@Suite struct VerifyTests {
    let work: TemporaryFolder

    init() throws {
        work = try TemporaryFolder()
        try work.write("a/resource.json", #"{"name":"a","type":"text","tag":"1"}"#)
        try work.write("a/content", Data(repeating: 7, count: 300_000))
        try work.write("a/more", "more")
    }

    /// The file of a resource's first long blob in a store.
    func file(_ root: String) throws -> String {
        let found = try run("find", ["\(root)/blobs", "-type", "f", "-size", "+200k"]).text.split(separator: "\n")
        return String(try #require(found.first))
    }

    func damage(_ path: String) throws {
        #expect(chmod(path, 0o644) == 0)
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try handle.seek(toOffset: 1000)
        try handle.write(contentsOf: Data([8]))
        try handle.close()
    }

    @Test func `tells of damage by its status, in words and as JSON, and fetches copies again`() throws {
        let registry = try RegistryProcess(data: nil, "--scrub-rate", "0")
        let author = try User()
        let user = try User(["RX_REGISTRY": registry.url])
        try author.rx("add", "./a", in: work.path)
        try author.rx("push", "a:1", "--registry", registry.url)
        try user.rx("pull", "a:1")
        #expect(try user.rx("verify").contains("No damage found"))
        try damage(file(user.home.path))
        let words = try user.run("verify")
        #expect(words.status == 1 && words.text.contains("holds other bytes") && words.text.contains("\(registry.host)/a:1"))
        let json = try user.run("verify", "--json", "--quiet")
        #expect(json.status == 1)
        let report = try json.json()
        let finding = try #require(report["findings"]?.array?.first)
        #expect(report["clean"]?.bool == false && report["found"]?.int == 1 && finding["kind"]?.string == "blob-bytes")
        #expect(finding["resources"]?.array == [.string("\(registry.host)/a:1")] && finding["repaired"]?.bool == false)
        #expect(finding["digest"]?.string != nil && finding["path"]?.string != nil && finding["advice"]?.string != nil)
        // A sample of none looks at lengths alone.
        #expect(try user.run("verify", "--sample", "0").status == 0)
        #expect(try user.run("verify", "--sample", "100").status == 1)
        let repaired = try user.run("verify", "--repair", "--json")
        #expect(repaired.status == 0)
        #expect(try repaired.json()["repaired"]?.int == 1)
        #expect(try user.rx("verify").contains("No damage found"))
        // What is one's own comes from a configured registry that has it.
        try damage(file(author.home.path))
        #expect(try author.run("verify", "--repair").status == 1)
        #expect(try author.run("verify", "--repair", environment: ["RX_REGISTRY": registry.url]).status == 0)
        #expect(try author.run("verify").status == 0)
        #expect(try user.run("verify", "--sample", "-1").status == 2)
    }

    @Test func `damage on the server is not sent, is named by a check of its folder, and heals on the next push`() throws {
        let registry = try RegistryProcess(data: nil, "--scrub-rate", "0")
        let author = try User(["RX_REGISTRY": registry.url])
        try author.rx("add", "./a", in: work.path)
        try author.rx("push", "a:1")
        try damage(file(registry.data.path))
        let check = try author.run("verify", "--data", registry.data.path)
        #expect(check.status == 1 && check.text.contains("needed by: a:1"))
        let digest = try #require(try author.run("info", "a:1", "--json").json()["files"]?.array?.first?["digest"]?.string)
        #expect(try curl("\(registry.url)/v2/a/blobs/\(digest)").status == 404)
        let stranger = try User(["RX_REGISTRY": registry.url])
        #expect(try stranger.run("pull", "a:1").status == 1)
        // Whatever became of the file: a push of what the registry believes to have brings back what it has not.
        for harm in ["set aside", "forgotten", "cut off"] {
            let hex = digest.dropFirst(7)
            let file = "\(registry.data.path)/blobs/sha256/\(hex.prefix(2))/\(hex)"
            if harm == "forgotten" { try FileManager.default.removeItem(atPath: registry.data.path + "/damaged") }
            if harm == "forgotten" { try FileManager.default.removeItem(atPath: file) }
            if harm == "cut off" { #expect(truncate(file, 1) == 0) }
            try author.rx("push", "a:1")
            #expect(try curl("\(registry.url)/v2/a/blobs/\(digest)").status == 200, "\(harm)")
        }
        try stranger.rx("pull", "a:1")
        #expect(try author.run("verify", "--data", registry.data.path).status == 0)
    }

    @Test func `the server finds damage by itself and says so; a push through v2 heals it`() throws {
        let author = try User()
        try author.rx("add", "./a", in: work.path)
        var registry: RegistryProcess? = try RegistryProcess(data: nil, "--scrub-rate", "0")
        try author.rx("push", "a:1", "--registry", registry!.url)
        let data = registry!.data
        #expect(registry!.end() == 0)
        try damage(file(data.path))
        registry = try RegistryProcess(data: data, "--scrub-rate", "100MiB")
        #expect(waitUntil { registry!.errors.contains("was set aside") })
        #expect(registry!.errors.contains("needed by a:1"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: data.path + "/damaged").count == 1)
        let digest = try #require(try author.run("info", "a:1", "--json").json()["files"]?.array?.first?["digest"]?.string)
        #expect(try curl("-I", "\(registry!.url)/v2/a/blobs/\(digest)").status == 404)
        let content = try work.write("blob", Data(repeating: 7, count: 300_000))
        #expect(
            try curl(
                "-X", "POST", "--data-binary", "@\(content)", "-H", "Content-Type: application/octet-stream",
                "\(registry!.url)/v2/a/blobs/uploads/?digest=\(digest)"
            ).status == 201)
        #expect(try curl("\(registry!.url)/v2/a/blobs/\(digest)").status == 200)
        #expect(try author.run("verify", "--data", data.path).status == 0)
        #expect(registry!.end() == 0)
    }

    @Test func `beside pushes and collections of other processes nothing is taken for damage`() throws {
        let registry = try RegistryProcess()
        let author = try User(["RX_REGISTRY": registry.url])
        try author.rx("add", "./a", in: work.path)
        let end = Date().addingTimeInterval(8)
        let isOver = Atomic(false)
        let others = DispatchQueue(label: "others", attributes: .concurrent)
        let group = DispatchGroup()
        others.async(group: group) { [work] in
            var count = 0
            while !isOver.load(ordering: .relaxed) {
                count += 1
                _ = try? work.write("b/resource.json", #"{"name":"b","type":"text","tag":"\#(count % 2)"}"#)
                _ = try? work.write("b/content", "\(count)")
                _ = try? author.run("add", "./b", in: work.path)
                _ = try? author.run("push", "b:\(count % 2)")
                _ = try? author.run("remove", "b:1")
            }
        }
        others.async(group: group) { [data = registry.data] in
            while !isOver.load(ordering: .relaxed) { _ = try? User().run("gc", environment: ["RX_HOME": data.path]) }
        }
        var checks = 0
        while Date() < end || checks <= 4 {
            for check in [try author.run("verify", "--data", registry.data.path), try author.run("verify", "--repair")] {
                #expect(check.status == 0, "\(check.text)\(check.error)")
                checks += 1
            }
        }
        isOver.store(true, ordering: .relaxed)
        group.wait()
    }
}
