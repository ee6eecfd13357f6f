import Foundation
import RxModel
import RxSource
import RxTesting
import Synchronization
import Testing

@Suite struct GitHubSourceTests {
    /// A repository's archive as GitHub makes it: one top folder, a comment in a global pax header.
    func archive(_ files: [String: String], top: String = "repo-main", _ more: (String) throws -> Void = { _ in }) throws -> [UInt8] {
        let folder = try TemporaryFolder()
        for (path, text) in files { try folder.write("\(top)/\(path)", text, executable: path.hasSuffix(".sh")) }
        try more("\(folder.path)/\(top)")
        try run("tar", ["--format=pax", "--pax-option=comment=0123456789abcdef", "-czf", "\(folder.path)/a.tar.gz", top], in: folder.path)
        return [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(folder.path)/a.tar.gz")))
    }

    func load(_ url: String, _ bytes: [UInt8], _ stage: MemoryStage = MemoryStage()) throws -> (
        definition: Definition, files: [ResourceFile]
    ) {
        var registry = SourceRegistry()
        registry.register(GitHubSource { _ in BytesSource(bytes) })
        let source = try registry.load(url, stage: stage.stage)
        guard case .staged(let files) = source.content else { throw CocoaError(.featureUnsupported) }
        return (source.definition, files)
    }

    @Test(arguments: [
        ("https://github.com/o/r/tree/main", "B/o/r/archive/main.tar.gz"),
        ("https://github.com/o/r/tree/main/", "B/o/r/archive/main.tar.gz"),
        ("https://github.com/o/r/tree/v1.0/a/b", "B/o/r/archive/v1.0.tar.gz"),
        ("https://github.com/o/r/tree/feature%2Fx/a", "B/o/r/archive/feature/x.tar.gz"),
        ("https://github.com/o/r.js/tree/a%20b", "B/o/r.js/archive/a%20b.tar.gz"),
    ]) func `a page names its branch's archive`(_ url: String, _ expected: String) throws {
        let asked = Mutex("")
        let source = GitHubSource(base: "B") { url in
            asked.withLock { $0 = url }
            throw CocoaError(.featureUnsupported)
        }
        #expect(source.accepts(url))
        #expect(throws: CocoaError.self) { try source.load(url, detectors: DetectorList(), stage: MemoryStage().stage) }
        #expect(asked.withLock { $0 } == expected)
    }

    @Test(arguments: [
        "https://github.com/o/r", "https://github.com/o/r/", "https://github.com/o/r/blob/main/a", "https://github.com/o/r/tree",
        "https://github.com/o/r/tree/",
        "http://github.com/o/r/tree/main", "https://github.com.evil.org/o/r/tree/main", "https://github.com/o/r/tree/main/../x",
        "https://github.com/o/r/tree/main/%2e%2e/x", "https://github.com/o/r/tree/..%2F..%2Fx", "https://github.com/o%2Fp/r/tree/main",
        "https://github.com/o/r/tree/main//x", "https://github.com/o/r/tree/main?x=1", "https://github.com/o/r/tree/%zz",
        "github.com/o/r/tree/main",
    ]) func `another page is not accepted`(_ url: String) { #expect(!GitHubSource { _ in BytesSource([]) }.accepts(url)) }

    @Test func `a folder's files come without the archive's top folder and the folder's path`() throws {
        let bytes = try archive([
            "skills/pdf/SKILL.md": "# PDF", "skills/pdf/run.sh": "#!/bin/sh", "skills/pdf2/SKILL.md": "no", "skills/SKILL.md": "no",
            "README.md": "no",
        ]) { try FileManager.default.createSymbolicLink(atPath: $0 + "/skills/pdf/link", withDestinationPath: "run.sh") }
        let stage = MemoryStage()
        let (definition, files) = try load("https://github.com/o/r/tree/main/skills/pdf", bytes, stage)
        #expect(definition.json == .object(["name": "pdf", "type": "skill", "description": "PDF"]))
        #expect(files.map(\.path.text) == ["SKILL.md", "link", "run.sh"])
        #expect(files.map(\.executable) == [false, false, true])
        #expect(files[1].symlink == "run.sh")
        #expect(files.map { stage.text($0) } == ["# PDF", "run.sh", "#!/bin/sh"])
        #expect(stage.blobs.count == 3)
    }

    @Test func `a whole repository has its own name`() throws {
        let (definition, files) = try load("https://github.com/o/my-repo/tree/main", archive(["prototype.json": "[]", "a/b": ""]))
        #expect(definition.json == .object(["name": "my-repo", "type": "prototype"]))
        #expect(files.map(\.path.text) == ["a/b", "prototype.json"])
    }

    @Test func `metadata is left out, and what a folder would leave out`() throws {
        let files = [
            "resource.json": #"{"name":"n","type":"text","path":"p"}"#, "content": "x", ".rxignore": "*.log\n", "a.log": "",
            "sub/.rxignore": "!b.log\nc\n",
            "sub/b.log": "", "sub/c": "", "node_modules/d": "", "sub/.git/config": "",
        ]
        let (definition, kept) = try load("https://github.com/o/r/tree/main", archive(files))
        #expect(definition.locator.description == "p/n")
        #expect(kept.map(\.path.text) == ["content", "sub/b.log"])
    }

    @Test func `a folder that the branch does not have cannot be loaded`() throws {
        let bytes = try archive(["a/SKILL.md": "# A"])
        for path in ["none", "a/SKILL.md", "a/SKILL.md/x", "A"] {
            let url = "https://github.com/o/r/tree/main/\(path)"
            let error = failure { try load(url, bytes) }
            #expect(error?.message == "Cannot load source: \(url)")
            #expect(error?.hint == "the repository has no folder \(path) on main")
        }
    }

    @Test func `the detectors' messages name the page`() throws {
        let url = "https://github.com/o/r/tree/main"
        #expect(failure { try load(url, archive(["a": ""])) }?.message == "Cannot detect resource type from source: \(url)")
        let definition = #"{"name":"n","type":"text"}"#
        #expect(failure { try load(url, archive(["resource.json": definition])) }?.message == "No content files after excluding metadata")
    }

    @Test func `a symlink in a detector's place is not followed`() throws {
        let bytes = try archive(["a": #"{"name":"n","type":"text"}"#]) {
            try FileManager.default.createSymbolicLink(atPath: $0 + "/resource.json", withDestinationPath: "a")
        }
        let error = failure { try load("https://github.com/o/r/tree/main", bytes) }
        #expect(error?.message == "entry \"resource.json\": must be a file of at most 1048576 bytes")
    }

    @Test func `a symlink that leaves the folder is refused`() throws {
        let bytes = try archive(["a/SKILL.md": "", "b": ""]) {
            try FileManager.default.createSymbolicLink(atPath: $0 + "/a/up", withDestinationPath: "../b")
        }
        #expect(failure { try load("https://github.com/o/r/tree/main/a", bytes) }?.message.contains("\"up\"") == true)
    }

    @Test func `a broken download is an error and gives no resource`() throws {
        let bytes = try archive(["SKILL.md": "# A"])
        for count in [0, 1, bytes.count / 2, bytes.count - 1] {
            #expect(failure { try load("https://github.com/o/r/tree/main", Array(bytes[..<count])) } is ContentError, "\(count)")
        }
    }

    @Test func `what fetching throws comes through as it is`() {
        let refused = RegistryError("Unable to connect to https://github.com", code: .unreachable)
        let source = GitHubSource { _ in throw refused }
        let error = failure { try source.load("https://github.com/o/r/tree/main", detectors: DetectorList(), stage: MemoryStage().stage) }
        #expect(error?.message == refused.message)
    }
}
