import Foundation
import RxModel
import RxTesting
import Testing

@Suite struct DxfTests {
    let registry: any ServedRegistry
    let dxf: ClientProgram
    let python: ClientProgram
    let work: TemporaryFolder

    init() throws {
        registry = try startRegistry()
        let environment = ["DXF_HOST": registry.host, "DXF_INSECURE": "1"]
        dxf = try .python("dxf", environment: environment)
        python = try .python("python", environment: environment)
        work = try TemporaryFolder()
    }

    /// Pushes a blob; gives its digest.
    func push(_ text: String, _ more: String..., to repository: String = "dx/repo") throws -> String {
        let file = try work.write("blob", text)
        let ended = try dxf.run(["push-blob", repository, file] + more)
        #expect(ended.status == 0, "\(ended.error)")
        let sum = try run("/usr/bin/sha256sum", [file]).text.prefix(64)
        #expect(ended.text == "sha256:\(sum)\n")
        return "sha256:\(sum)"
    }

    func lines(_ words: String...) throws -> [String] {
        let ended = try dxf.run(words)
        #expect(ended.status == 0, "dxf \(words): \(ended.error)")
        return ended.text.split(separator: "\n").map(String.init)
    }

    @Test func `pushes and pulls blobs by digest and by alias`() throws {
        let large = String(repeating: "all work and no play ", count: 20_000)
        let digest = try push(large, "@one")
        #expect(try push(large, "@one") == digest, "what is there is found, not sent again")
        for name in [digest, "@one"] { #expect(try dxf("pull-blob", "dx/repo", name) == large) }
        #expect(try lines("blob-size", "dx/repo", "@one") == ["\(large.utf8.count)"])
        #expect(try lines("blob-size", "dx/repo", digest) == ["\(large.utf8.count)"])
        let empty = try push("")
        #expect(try dxf("pull-blob", "dx/repo", empty) == "")
        let absent = try dxf.run(["pull-blob", "dx/repo", "sha256:" + String(repeating: "0", count: 64)])
        #expect(absent.status != 0 && absent.error.contains("404"), "\(absent.error)")
    }

    @Test func `sets, reads, lists and deletes aliases`() throws {
        let one = try push("one", "@one")
        let two = try push("two")
        try dxf("set-alias", "dx/repo", "both", one, two)
        #expect(try lines("get-alias", "dx/repo", "both") == [one, two])
        #expect(try lines("get-alias", "dx/repo", "one") == [one])
        #expect(try lines("list-aliases", "dx/repo").sorted() == ["both", "one"])
        #expect(try registry.manifest("dx/repo", "both").mediaType == OCILayout.Media.docker)
        let manifest = try JSON(parsing: dxf("get-manifest", "dx/repo", "both"))
        #expect(manifest["layers"]?.array?.compactMap { $0["digest"]?.string } == [one, two])
        #expect(try lines("get-digest", "dx/repo", "one") == [one])
        #expect(try lines("del-alias", "dx/repo", "both") == [one, two])
        #expect(try lines("list-aliases", "dx/repo") == ["one"])
        let gone = try dxf.run(["get-alias", "dx/repo", "both"])
        #expect(gone.status != 0 && gone.error.contains("404"), "\(gone.error)")
        #expect(try dxf("pull-blob", "dx/repo", two) == "two", "the blobs stay until they are collected")
    }

    @Test func `lists repositories`() throws {
        for name in ["dx/repo", "dx/another", "deep/er/and/deeper"] { _ = try push(name, "@one", to: name) }
        #expect(try lines("list-repos") == ["deep/er/and/deeper", "dx/another", "dx/repo"])
    }

    @Test func `mounts a blob from another repository`() throws {
        let digest = try push("shared", "@one")
        #expect(try lines("mount-blob", "dx/other", "dx/repo", digest, "@mounted") == [digest])
        #expect(try dxf("pull-blob", "dx/other", "@mounted") == "shared")
    }

    @Test func `deletes a blob`() throws {
        let digest = try push("unwanted")
        try dxf("del-blob", "dx/repo", digest)
        let gone = try dxf.run(["pull-blob", "dx/repo", digest])
        #expect(gone.status != 0 && gone.error.contains("404"), "\(gone.error)")
        #expect(try push("unwanted") == digest)
        #expect(try dxf("pull-blob", "dx/repo", digest) == "unwanted")
    }

    @Test func `follows the links of listings page by page`() throws {
        for tag in 1...5 { _ = try push("one", "@\(tag)") }
        for name in ["a/a", "b/b", "c/c"] { _ = try push("one", "@1", to: name) }
        let script = """
            import dxf, os
            base = dxf.DXFBase(os.environ['DXF_HOST'], insecure=True)
            print(base.list_repos(batch_size=1))
            print(sorted(dxf.DXF.from_base(base, 'dx/repo').list_aliases(batch_size=2)))
            """
        #expect(try python("-c", script) == "['a/a', 'b/b', 'c/c', 'dx/repo']\n['1', '2', '3', '4', '5']\n")
    }

    @Test func `sends a blob whose length it does not tell`() throws {
        let script = """
            import dxf, hashlib, os
            parts = [bytes([n]) * 70000 for n in range(5)]
            whole = b''.join(parts)
            digest = 'sha256:' + hashlib.sha256(whole).hexdigest()
            with dxf.DXF(os.environ['DXF_HOST'], 'dx/stream', insecure=True) as client:
                assert client.push_blob(data=iter(parts), digest=digest) == digest
                assert b''.join(client.pull_blob(digest)) == whole
                assert client.blob_size(digest) == 350000
            """
        try python("-c", script)
    }
}
