import Foundation
import RxModel
import RxTesting
import Testing

/// `rx copy`, `rx search` and `rx pull` with artifacts and images that others pushed, between registries of both kinds.
@Suite struct ForeignCopyTests {
    let registry: DockerRegistry
    let user: User
    let work: TemporaryFolder

    init() throws {
        registry = try DockerRegistry()
        user = try User()
        work = try TemporaryFolder()
    }

    /// Pushes art/files:1 with oras-py: two files and a folder.
    func pushArtifact() throws {
        try work.write("in/a.txt", "a")
        try work.write("in/empty", "")
        try work.write("in/tree/sub/y", "y")
        try OrasPy()(
            "push", ["target": .string("\(registry.host)/art/files:1"), "files": ["a.txt", "empty", "tree"]], in: "\(work.path)/in")
    }

    /// Pushes an image and an index of two with skopeo.
    func pushImages() throws -> OCIDescriptor {
        let (layout, _, _, index) = try OCILayout.twoPlatforms()
        let skopeo = try ClientProgram.installed("skopeo")
        try skopeo("copy", "--dest-tls-verify=false", "oci:\(layout.path):one", registry.docker("team/one:1"))
        try skopeo("copy", "--dest-tls-verify=false", "--all", "oci:\(layout.path):multi", registry.docker("team/multi:1"))
        return index
    }

    @Test func `an artifact of others is found, described and pulled`() throws {
        try pushArtifact()
        #expect(try user.rx("search", "files", "--registry", registry.url).contains("art/files:1"))
        let locator = "\(registry.host)/art/files:1"
        #expect(try user.rx("info", locator).contains("a.txt"))
        try user.rx("pull", locator)
        let info = try user.run("info", locator, "--json").json()
        #expect(info["type"]?.string == "oci")
        #expect(info["manifestDigest"]?.string == (try registry.manifest("art/files", "1").digest))
        try user.rx("export", locator, "\(work.path)/out")
        #expect(try difference("\(work.path)/in/a.txt", "\(work.path)/out/a.txt") == "")
        #expect(try difference("\(work.path)/in/empty", "\(work.path)/out/empty") == "")
        let packed = try run("/usr/bin/tar", ["xzOf", "\(work.path)/out/tree", "tree/sub/y"])
        #expect(packed.text == "y", "a folder is the layer that oras-py packed: \(packed.error)")
    }

    @Test func `an image is pulled with its layers`() throws {
        _ = try pushImages()
        let locator = "\(registry.host)/team/one:1"
        try user.rx("pull", locator)
        #expect(try user.run("info", locator, "--json").json()["type"]?.string == "oci")
        try user.rx("export", locator, "\(work.path)/out")
        let layer = try JSON(parsing: [UInt8](registry.manifest("team/one", "1").bytes))["layers"]?.array?.first?["digest"]?.string
        let sums = try run("/bin/sh", ["-c", "find \"$1\" -type f -print0 | xargs -0 sha256sum", "sh", "\(work.path)/out"]).text
        #expect(sums.contains(try #require(layer).dropFirst("sha256:".count)), "\(sums)")
    }

    @Test func `a search reads every page of a catalog`() throws {
        try pushArtifact()
        let copies = """
            cd "$1"/files/docker/registry/v2/repositories && mkdir many && for n in $(seq 1000 1129); do cp -r art/files many/r$n; done
            """
        #expect(try run("/bin/sh", ["-c", copies, "sh", registry.data.path]).status == 0)
        let found = try user.run("search", "many", "--registry", registry.url, "--limit", "1000", "--json").json()
        #expect(found["total"]?.int == 130)
        #expect(try user.rx("search", "r1129", "--registry", registry.url).contains("many/r1129:1"))
    }

    @Test func `a copy within a registry mounts and sends nothing`() throws {
        _ = try pushImages()
        let before = registry.uploads.count
        try user.rx("copy", "\(registry.host)/team/one:1", "\(registry.host)/else/where/one:2")
        #expect(try registry.manifest("else/where/one", "2").digest == registry.manifest("team/one", "1").digest)
        #expect(registry.uploads.count == before)
        let mounts = registry.requests.filter { $0.contains("mount=") && $0.hasPrefix("POST /v2/else/where/one/") && $0.hasSuffix(" 201") }
        #expect(mounts.count == 2, "the layer and the configuration: \(mounts)")
    }

    @Test func `a copy takes an index with all its images to another registry, once`() throws {
        let index = try pushImages()
        let other = try DockerRegistry()
        for _ in 0..<2 { try user.rx("copy", "\(registry.host)/team/multi:1", "\(other.host)/mirror/multi:1") }
        #expect(try other.manifest("mirror/multi", "1").digest == index.digest.description)
        #expect(other.uploads.count == 4, "two layers and two configurations, each once: \(other.uploads)")
        #expect(try user.rx("list") == "No resources found\n", "nothing is kept here")
        try ClientProgram.installed("skopeo")(
            "copy", "--all", "--src-tls-verify=false", other.docker("mirror/multi:1"), "dir:\(work.path)/all")
    }

    @Test func `a resource goes from rx's registry to another and back`() throws {
        let own = try RegistryProcess()
        try work.write("hello/resource.json", #"{"name":"hello","path":"team","type":"text","tag":"1"}"#)
        try work.write("hello/content", "hello")
        try user.rx("add", "./hello", in: work.path)
        try user.rx("push", "team/hello:1", "--registry", own.url)
        try user.rx("copy", "\(own.host)/team/hello:1", "\(registry.host)/team/hello:1")
        let back = try RegistryProcess()
        try user.rx("copy", "\(registry.host)/team/hello:1", "\(back.host)/team/hello:1")
        for host in [own.host, registry.host, back.host] {
            let bob = try User()
            #expect(try bob.rx("ingest", "\(host)/team/hello:1") == "hello")
        }
        #expect(try user.rx("search", "hello", "--registry", back.url).contains("team/hello:1  text"))
    }

    @Test func `referrers are found by the tag that stands in for the missing call`() throws {
        _ = try pushImages()
        try work.write("in/signature", "signed")
        let subject = try registry.manifest("team/one", "1")
        let digest = try #require(subject.digest)
        let descriptor = OCIDescriptor(of: [UInt8](subject.bytes), MediaType.imageManifest).json()
        try OrasPy()(
            "push", ["target": .string("\(registry.host)/team/one:signature"), "files": ["signature"], "subject": descriptor],
            in: "\(work.path)/in")
        let referrer = try registry.manifest("team/one", "signature")
        let layout = try OCILayout()
        let index = try layout.bytes(layout.addIndex([OCIDescriptor(of: [UInt8](referrer.bytes), MediaType.imageManifest)]))
        let file = try work.write("index", index)
        let put = try curl(
            "--request", "PUT", "--header", "Content-Type: \(OCILayout.Media.index)", "--data-binary", "@\(file)",
            "\(registry.url)/v2/team/one/manifests/\(digest.replacingOccurrences(of: ":", with: "-"))")
        #expect(put.status == 201)
        #expect(try user.rx("referrers", "\(registry.host)/team/one:1").contains(try #require(referrer.digest)))
    }
}
