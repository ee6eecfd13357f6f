import Foundation
import RxModel
import RxTesting
import Testing

@Suite struct BuildahTests {
    let registry: any ServedRegistry
    let buildah: ClientProgram
    let work: TemporaryFolder
    let storage: TemporaryFolder

    init() throws {
        registry = try startRegistry()
        work = try TemporaryFolder()
        storage = try TemporaryFolder()
        buildah = try .installed(
            "buildah", ["--storage-driver", "vfs", "--root", "\(storage.path)/root", "--runroot", "\(storage.path)/run"])
        try work.write("payload", "what the image holds\n")
    }

    /// Makes an image without a base that holds one file.
    func build(_ name: String) throws {
        let container = try buildah("from", "scratch").trimmingCharacters(in: .newlines)
        try buildah("copy", container, "payload", "/payload", in: work.path)
        try buildah("config", "--label", "made-by=a test", container)
        try buildah("commit", container, name)
        try buildah("rm", container)
    }

    func expectPayload(_ image: String, _ path: String = "payload") throws {
        let container = try buildah("from", "--pull-never", image).trimmingCharacters(in: .newlines)
        let place = try buildah("mount", container).trimmingCharacters(in: .newlines)
        #expect(try String(contentsOfFile: "\(place)/\(path)", encoding: .utf8) == "what the image holds\n")
        try buildah("rm", container)
    }

    @Test func `pushes an image, forgets it and pulls it`() throws {
        try build("localhost/tiny:1")
        let digests = "\(work.path)/digest"
        try buildah("push", "--tls-verify=false", "--digestfile", digests, "localhost/tiny:1", registry.docker("built/tiny:1"))
        let served = try registry.manifest("built/tiny", "1")
        #expect(try String(contentsOfFile: digests, encoding: .utf8) == served.digest)
        #expect(served.mediaType == MediaType.imageManifest)
        try buildah("rmi", "--all", "--force")
        #expect(try buildah("images", "--noheading") == "")
        try buildah("pull", "--tls-verify=false", registry.docker("built/tiny:1"))
        try expectPayload("\(registry.host)/built/tiny:1")
    }

    @Test func `pushes again what the registry has, and to another repository`() throws {
        try build("localhost/tiny:1")
        for name in ["built/tiny:1", "built/tiny:1", "built/tiny:2", "else/where/tiny:1"] {
            try buildah("push", "--tls-verify=false", "localhost/tiny:1", registry.docker(name))
        }
        let digest = try registry.manifest("built/tiny", "1").digest
        #expect(digest != nil)
        #expect(try registry.manifest("built/tiny", "2").digest == digest)
        #expect(try registry.manifest("else/where/tiny", "1").digest == digest)
    }

    @Test func `pushes in Docker's format and pulls that`() throws {
        try build("localhost/tiny:1")
        try buildah("push", "--tls-verify=false", "--format", "docker", "localhost/tiny:1", registry.docker("built/docker:1"))
        #expect(try registry.manifest("built/docker", "1").mediaType == OCILayout.Media.docker)
        try buildah("rmi", "--all", "--force")
        try buildah("pull", "--tls-verify=false", registry.docker("built/docker:1"))
        try expectPayload("\(registry.host)/built/docker:1")
    }

    @Test func `builds upon an image of the registry and pushes the result`() throws {
        try build("localhost/tiny:1")
        try buildah("push", "--tls-verify=false", "localhost/tiny:1", registry.docker("built/tiny:1"))
        try buildah("rmi", "--all", "--force")
        try work.write("Containerfile", "FROM \(registry.host)/built/tiny:1\nCOPY payload /second\n")
        let name = "\(registry.host)/built/two:1"
        try buildah("build", "--isolation", "chroot", "--tls-verify=false", "--tag", name, ".", in: work.path)
        try buildah("push", "--tls-verify=false", name)
        try buildah("rmi", "--all", "--force")
        try buildah("pull", "--tls-verify=false", name)
        try expectPayload(name)
        try expectPayload(name, "second")
        let manifest = try JSON(parsing: [UInt8](registry.manifest("built/two", "1").bytes))
        #expect(manifest["layers"]?.array?.count == 2)
    }

    @Test func `pushes a manifest list with its images`() throws {
        try build("localhost/tiny:1")
        try buildah("push", "--tls-verify=false", "localhost/tiny:1", registry.docker("built/tiny:1"))
        try buildah("manifest", "create", "list")
        try buildah("manifest", "add", "--tls-verify=false", "list", registry.docker("built/tiny:1"))
        try buildah("manifest", "push", "--all", "--tls-verify=false", "list", registry.docker("built/list:1"))
        let served = try registry.manifest("built/list", "1")
        #expect(served.mediaType == OCILayout.Media.index)
        let image = try JSON(parsing: [UInt8](served.bytes))["manifests"]?.array?.first?["digest"]?.string
        #expect(try image == registry.manifest("built/tiny", "1").digest)
        try buildah("rmi", "--all", "--force")
        try buildah("pull", "--tls-verify=false", registry.docker("built/list:1"))
        try expectPayload("\(registry.host)/built/list:1")
    }
}
