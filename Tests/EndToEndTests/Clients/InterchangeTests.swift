import Foundation
import RxModel
import RxTesting
import Testing

/// What goes into rx's registry through one face comes out of the other.
@Suite struct InterchangeTests {
    let registry: RegistryProcess
    let alice: User
    let bob: User
    let oras: OrasPy
    let skopeo: ClientProgram
    let work: TemporaryFolder

    init() throws {
        registry = try RegistryProcess()
        alice = try User(["RX_REGISTRY": registry.url])
        bob = try User(["RX_REGISTRY": registry.url])
        oras = try OrasPy()
        skopeo = try .installed("skopeo")
        work = try TemporaryFolder()
    }

    func push() throws {
        try work.write(
            "tools/resource.json", #"{"name":"tools","path":"team","type":"folder","tag":"1","description":"Handy things"}"#)
        for (path, text) in [("greeting", "hello"), ("empty", ""), ("bin/run", "#!/bin/sh\n"), ("deep/er and deeper/日本語", "nested")] {
            try work.write("tools/\(path)", text)
        }
        try alice.rx("add", "./tools", in: work.path)
        try alice.rx("push", "team/tools:1")
    }

    func pushArtifact(_ tag: String = "1", _ more: [String: JSON] = [:]) throws {
        try work.write("in/a.txt", "a")
        try work.write("in/b.txt", "b \(tag)")
        let arguments: [String: JSON] = ["target": .string("\(registry.host)/art/files:\(tag)"), "files": ["a.txt", "b.txt"]]
        try oras("push", arguments.merging(more) { $1 }, in: "\(work.path)/in")
    }

    @Test func `a resource pulled with oras-py is the same files, folders and all`() throws {
        try push()
        let pulled = try oras(
            "pull", ["target": .string("\(registry.host)/team/tools:1"), "outdir": .string("\(work.path)/out")])
        #expect(pulled.array?.count == 4)
        #expect(try difference("\(work.path)/tools", "\(work.path)/out") == "")
        let manifest = try oras("get_manifest", ["container": .string("\(registry.host)/team/tools:1")])
        #expect(manifest["artifactType"]?.string == MediaType.resource)
        #expect(manifest["annotations"]?["org.opencontainers.image.description"]?.string == "Handy things")
    }

    @Test func `a resource that skopeo took elsewhere is still a resource`() throws {
        try push()
        let other = try RegistryProcess()
        let debian = try DockerRegistry()
        let flags = ["copy", "--src-tls-verify=false", "--dest-tls-verify=false"]
        for (from, to) in [
            (registry.docker("team/tools:1"), debian.docker("team/tools:1")), (debian.docker("team/tools:1"), other.docker("team/tools:1")),
        ] {
            let ended = try skopeo.run(flags + [from, to])
            #expect(ended.status == 0, "\(ended.error)")
        }
        for host in [debian.host, other.host] {
            try bob.rx("pull", "\(host)/team/tools:1")
            try bob.rx("export", "\(host)/team/tools:1", "\(work.path)/\(host)")
            #expect(try difference("\(work.path)/tools", "\(work.path)/\(host)") == "")
        }
        #expect(try bob.rx("search", "handy", "--registry", other.url).contains("team/tools:1  folder  Handy things"))
        #expect(try curl("\(other.url)/api/v1/resource/team%2Ftools%3A1").status == 200)
    }

    @Test func `an artifact of others is found, described and pulled`() throws {
        try pushArtifact()
        #expect(try bob.rx("search", "files").contains("art/files:1"))
        let locator = "\(registry.host)/art/files:1"
        #expect(try bob.rx("info", locator).contains("a.txt"))
        #expect(try bob.rx("list") == "No resources found\n", "asked of the registry, nothing fetched")
        try bob.rx("pull", locator)
        #expect(try bob.run("info", locator, "--json").json()["type"]?.string == "oci")
        try bob.rx("export", locator, "\(work.path)/out")
        #expect(try difference("\(work.path)/in", "\(work.path)/out") == "")
    }

    @Test func `an image is found, and pulled with its layers`() throws {
        let (layout, _, _, _) = try OCILayout.twoPlatforms()
        try skopeo("copy", "--dest-tls-verify=false", "oci:\(layout.path):one", registry.docker("team/one:1"))
        #expect(try bob.rx("search", "one").contains("team/one:1"))
        try bob.rx("pull", "\(registry.host)/team/one:1")
        try bob.rx("export", "\(registry.host)/team/one:1", "\(work.path)/out")
        let layer = try JSON(parsing: [UInt8](registry.manifest("team/one", "1").bytes))["layers"]?.array?.first?["digest"]?.string
        let sums = try run("/bin/sh", ["-c", "find \"$1\" -type f -print0 | xargs -0 sha256sum", "sh", "\(work.path)/out"]).text
        #expect(sums.contains(try #require(layer).dropFirst("sha256:".count)), "\(sums)")
    }

    @Test func `what one face deletes is gone from the other`() throws {
        try push()
        try skopeo("delete", "--tls-verify=false", registry.docker("team/tools:1"))
        #expect(try bob.run("pull", "team/tools:1").error.hasPrefix("error: Resource not found: "))
        try alice.rx("push", "team/tools:1")
        #expect(try curl("--request", "DELETE", "\(registry.url)/api/v1/resource/team%2Ftools%3A1").status == 204)
        #expect(try registry.manifest("team/tools", "1").status == 404)
    }

    @Test func `referrers are told, tags set and copies made`() throws {
        try push()
        let subject = try registry.manifest("team/tools", "1")
        let digest = try #require(subject.digest)
        let descriptor = OCIDescriptor(of: [UInt8](subject.bytes), MediaType.imageManifest).json()
        try pushArtifact("signature", ["target": .string("\(registry.host)/team/tools:signature"), "subject": descriptor])
        let signature = try #require(try registry.manifest("team/tools", "signature").digest)
        #expect(try bob.rx("referrers", "\(registry.host)/team/tools:1").contains(signature))
        try bob.rx("tag", "\(registry.host)/team/tools:1", "\(registry.host)/team/tools:stable")
        #expect(try registry.manifest("team/tools", "stable").digest == digest)
        try bob.rx("copy", "\(registry.host)/team/tools:signature", "\(registry.host)/art/signature:1")
        #expect(try registry.manifest("art/signature", "1").digest == signature)
    }
}
