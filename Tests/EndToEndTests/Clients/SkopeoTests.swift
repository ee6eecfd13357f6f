import Foundation
import RxModel
import RxTesting
import Testing

@Suite struct SkopeoTests {
    let registry: any ServedRegistry
    let skopeo: ClientProgram
    let work: TemporaryFolder

    init() throws {
        registry = try startRegistry()
        skopeo = try .installed("skopeo")
        work = try TemporaryFolder()
    }

    func copyIn(_ layout: OCILayout, _ name: String, _ target: String, _ more: String...) throws {
        let ended = try skopeo.run(["copy", "--dest-tls-verify=false"] + more + ["oci:\(layout.path):\(name)", registry.docker(target)])
        #expect(ended.status == 0, "\(ended.error)")
    }

    func tags(_ repository: String) throws -> [String] {
        let listed = try JSON(parsing: skopeo("list-tags", "--tls-verify=false", registry.docker(repository)))
        return listed["Tags"]?.array?.compactMap(\.string).sorted() ?? []
    }

    func raw(_ name: String) throws -> Data {
        try skopeo.run(["inspect", "--tls-verify=false", "--raw", registry.docker(name)]).output
    }

    @Test func `copies an image in and out without a changed byte`() throws {
        let (layout, image, _, _) = try OCILayout.twoPlatforms()
        try copyIn(layout, "one", "team/one:1")
        let served = try registry.manifest("team/one", "1")
        #expect(served.status == 200 && served.mediaType == MediaType.imageManifest)
        #expect(served.digest == image.digest.description)
        #expect(try served.bytes == layout.bytes(image))
        try skopeo("copy", "--src-tls-verify=false", registry.docker("team/one:1"), "dir:\(work.path)/out")
        #expect(try Data(contentsOf: URL(fileURLWithPath: "\(work.path)/out/manifest.json")) == layout.bytes(image))
        let blobs = try FileManager.default.contentsOfDirectory(atPath: "\(work.path)/out").filter { $0.count == 64 }
        #expect(blobs.count == 2, "the configuration and the layer")
        for blob in blobs {
            let sum = try run("/usr/bin/sha256sum", ["\(work.path)/out/\(blob)"]).text
            #expect(sum.hasPrefix(blob))
        }
        try copyBack()
    }

    /// From a folder and from the registry into an OCI layout.
    func copyBack() throws {
        try skopeo("copy", "--dest-tls-verify=false", "dir:\(work.path)/out", registry.docker("team/again:1"))
        #expect(try raw("team/again:1") == raw("team/one:1"))
        let digest = try #require(try registry.manifest("team/again", "1").digest)
        try skopeo("copy", "--src-tls-verify=false", registry.docker("team/again@\(digest)"), "oci:\(work.path)/layout:x")
        #expect(FileManager.default.fileExists(atPath: "\(work.path)/layout/blobs/sha256/\(digest.dropFirst(7))"))
    }

    @Test func `copies between two repositories, and finds there what it mounted`() throws {
        let (layout, image, _, index) = try OCILayout.twoPlatforms()
        try copyIn(layout, "multi", "team/multi:1", "--all")
        for (name, words, digest) in [("other/one", [], image.digest), ("other/multi", ["--all"], index.digest)]
            as [(String, [String], Digest)]
        {
            let flags = ["copy", "--src-tls-verify=false", "--dest-tls-verify=false"] + words
            let ended = try skopeo.run(flags + [registry.docker("team/multi:1"), registry.docker("\(name):2")])
            #expect(ended.status == 0, "\(ended.error)")
            #expect(try registry.manifest(name, "2").digest == digest.description)
        }
        try skopeo("copy", "--all", "--src-tls-verify=false", registry.docker("other/multi:2"), "dir:\(work.path)/out")
    }

    @Test func `copies an index with all its platforms and picks one of them`() throws {
        let (layout, amd64, arm64, index) = try OCILayout.twoPlatforms()
        try copyIn(layout, "multi", "team/multi:1", "--all")
        #expect(try raw("team/multi:1") == layout.bytes(index))
        #expect(try registry.manifest("team/multi", "1").mediaType == OCILayout.Media.index)
        for image in [amd64, arm64] {
            #expect(try registry.manifest("team/multi", image.digest.description).bytes == layout.bytes(image))
            let architecture = try #require(image.architecture)
            let target = "\(work.path)/\(architecture)"
            try skopeo(
                "--override-arch", architecture, "copy", "--src-tls-verify=false", registry.docker("team/multi:1"), "dir:\(target)")
            #expect(try Data(contentsOf: URL(fileURLWithPath: "\(target)/manifest.json")) == layout.bytes(image))
        }
        try skopeo("copy", "--all", "--src-tls-verify=false", registry.docker("team/multi:1"), "dir:\(work.path)/all")
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(work.path)/all").count == 8)
    }

    @Test func `lists tags and inspects images`() throws {
        let (layout, image, _, _) = try OCILayout.twoPlatforms()
        for tag in ["2", "10", "1", "beta", "Beta"] { try copyIn(layout, "one", "team/one:\(tag)") }
        #expect(try tags("team/one") == ["1", "10", "2", "Beta", "beta"])
        let seen = try JSON(parsing: skopeo("inspect", "--tls-verify=false", registry.docker("team/one:beta")))
        #expect(seen["Name"]?.string == "\(registry.host)/team/one")
        #expect(seen["Digest"]?.string == image.digest.description)
        #expect(seen["RepoTags"]?.array?.count == 5)
        #expect(seen["Labels"]?["made-by"]?.string == "a test")
        #expect(seen["Layers"]?.array?.count == 1)
        #expect(try raw("team/one:beta") == layout.bytes(image))
        #expect(try raw("team/one@\(image.digest)") == layout.bytes(image))
        let config = try JSON(parsing: skopeo("inspect", "--tls-verify=false", "--config", registry.docker("team/one:1")))
        #expect(config["architecture"]?.string == "amd64")
        let asked = try skopeo.run(["list-tags", "--tls-verify=false", registry.docker("team/one")])
        #expect(asked.seconds < 5, "it tries TLS on the plain port first, and must not wait for the answer")
        let absent = try skopeo.run(["inspect", "--tls-verify=false", registry.docker("team/one:none")])
        #expect(absent.status == 1 && absent.error.contains("manifest unknown"), "\(absent.error)")
    }

    @Test func `deletes an image, and only that`() throws {
        let (layout, _, arm64, _) = try OCILayout.twoPlatforms()
        try layout.name(["two": arm64, "one": try layout.addImage("amd64", ["x": [1]])])
        try copyIn(layout, "one", "team/one:1")
        try copyIn(layout, "one", "team/one:same")
        try copyIn(layout, "two", "team/one:2")
        try skopeo("delete", "--tls-verify=false", registry.docker("team/one:1"))
        #expect(try tags("team/one") == ["2"], "it deletes by digest, so every tag of the image goes")
        #expect(try skopeo.run(["inspect", "--tls-verify=false", registry.docker("team/one:1")]).status == 1)
        #expect(try raw("team/one:2") == layout.bytes(arm64))
        #expect(try skopeo.run(["delete", "--tls-verify=false", registry.docker("team/one:1")]).status != 0, "it is not there any more")
        try copyIn(layout, "one", "team/one:1")
        #expect(try tags("team/one") == ["1", "2"])
    }

    @Test func `writes Docker's own manifests with --format v2s2`() throws {
        let (layout, _, _, _) = try OCILayout.twoPlatforms()
        try copyIn(layout, "one", "team/docker:1", "--format", "v2s2")
        let served = try registry.manifest("team/docker", "1")
        #expect(served.mediaType == OCILayout.Media.docker)
        #expect(try JSON(parsing: [UInt8](served.bytes))["mediaType"]?.string == OCILayout.Media.docker)
        try skopeo("copy", "--src-tls-verify=false", registry.docker("team/docker:1"), "dir:\(work.path)/docker")
        try copyIn(layout, "multi", "team/docker:list", "--all", "--format", "v2s2")
        let list = try registry.manifest("team/docker", "list")
        #expect(list.mediaType == OCILayout.Media.dockerList)
        try skopeo("copy", "--all", "--src-tls-verify=false", registry.docker("team/docker:list"), "dir:\(work.path)/list")
    }

    @Test func `sends a layer of unknown length, compressed on the way`() throws {
        let layout = try OCILayout()
        let bytes = (0..<(3 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 11) }
        try layout.name(["plain": try layout.addImage("amd64", ["large": bytes], compressed: false)])
        try copyIn(layout, "plain", "team/plain:1", "--dest-compress")
        try skopeo("copy", "--src-tls-verify=false", registry.docker("team/plain:1"), "oci:\(work.path)/back:x")
        let manifest = try JSON(parsing: [UInt8](registry.manifest("team/plain", "1").bytes))
        let layer = try #require(manifest["layers"]?.array?.first)
        #expect(layer["mediaType"]?.string == OCILayout.Media.gzip)
        let digest = try #require(layer["digest"]?.string)
        let unpacked = try run("/usr/bin/tar", ["xzOf", "\(work.path)/back/blobs/sha256/\(digest.dropFirst(7))", "./large"])
        #expect(unpacked.output == Data(bytes))
    }

    @Test func `copies an image that umoci made`() throws {
        let umoci = try ClientProgram.installed("umoci")
        let layout = "\(work.path)/made"
        try umoci("init", "--layout", layout)
        try umoci("new", "--image", "\(layout):base")
        let file = try work.write("hello", "hello")
        try umoci("insert", "--image", "\(layout):base", "--tag", "one", file, "/hello")
        try skopeo("copy", "--dest-tls-verify=false", "oci:\(layout):one", registry.docker("umoci/one:1"))
        try skopeo("copy", "--src-tls-verify=false", registry.docker("umoci/one:1"), "oci:\(work.path)/back:one")
        try umoci("unpack", "--image", "\(work.path)/back:one", "\(work.path)/bundle")
        #expect(try String(contentsOfFile: "\(work.path)/bundle/rootfs/hello", encoding: .utf8) == "hello")
    }
}
