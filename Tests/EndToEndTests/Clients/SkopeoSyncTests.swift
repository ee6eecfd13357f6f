import Foundation
import RxModel
import RxTesting
import Testing

@Suite struct SkopeoSyncTests {
    let registry: any ServedRegistry
    let skopeo: ClientProgram
    let work: TemporaryFolder
    let index: OCIDescriptor

    /// A registry with `team/multi` in two tags.
    init() throws {
        registry = try startRegistry()
        skopeo = try .installed("skopeo")
        work = try TemporaryFolder()
        let (layout, _, _, index) = try OCILayout.twoPlatforms()
        self.index = index
        for tag in ["1", "2"] {
            try skopeo("copy", "--dest-tls-verify=false", "--all", "oci:\(layout.path):multi", registry.docker("team/multi:\(tag)"))
        }
    }

    func expectBothTags(in repository: String) throws {
        for tag in ["1", "2"] { #expect(try registry.manifest(repository, tag).digest == index.digest.description, "\(repository):\(tag)") }
    }

    @Test func `takes every tag of a repository to a folder and back`() throws {
        try skopeo("sync", "--all", "--src", "docker", "--dest", "dir", "--src-tls-verify=false", "\(registry.host)/team/multi", work.path)
        #expect(try FileManager.default.contentsOfDirectory(atPath: work.path).sorted() == ["multi:1", "multi:2"])
        try skopeo("sync", "--all", "--src", "dir", "--dest", "docker", "--dest-tls-verify=false", work.path, "\(registry.host)/back")
        try expectBothTags(in: "back/multi")
        try skopeo("sync", "--all", "--src", "dir", "--dest", "docker", "--dest-tls-verify=false", work.path, "\(registry.host)/back")
        try expectBothTags(in: "back/multi")
    }

    @Test func `keeps the whole name with --scoped`() throws {
        try skopeo(
            "sync", "--scoped", "--all", "--src", "docker", "--dest", "dir", "--src-tls-verify=false", "\(registry.host)/team/multi:2",
            work.path)
        let folder = "\(work.path)/\(registry.host)/team"
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["multi:2"])
    }

    @Test func `takes a repository from one registry to another and within one`() throws {
        let other = try startRegistry()
        for target in [registry, other] {
            try skopeo(
                "sync", "--all", "--src", "docker", "--dest", "docker", "--src-tls-verify=false", "--dest-tls-verify=false",
                "\(registry.host)/team/multi", "\(target.host)/mirror")
            for tag in ["1", "2"] { #expect(try target.manifest("mirror/multi", tag).digest == index.digest.description) }
        }
    }

    @Test func `takes what a YAML file lists`() throws {
        let list = try work.write("list.yml", "\(registry.host):\n  tls-verify: false\n  images:\n    team/multi: []\n")
        try skopeo("sync", "--all", "--src", "yaml", "--dest", "dir", list, "\(work.path)/out")
        let found = try run("/usr/bin/find", ["\(work.path)/out", "-name", "multi:*", "-type", "d"]).text
        #expect(found.split(separator: "\n").count == 2, "\(found)")
    }
}
