import Foundation
import RxModel
import RxSource
import RxTesting
import Testing

@Suite struct SourceRegistryTests {
    @Test(arguments: [
        (".", true), ("..", true), ("./x", true), ("../x", true), ("/x", true), ("x/", true), ("x/y/", true), ("~/x", true), ("~", true),
        ("/", true),
        ("x", false), ("x/y", false), ("hello:1", false), (".x", false), ("..x", false), ("~x", false), ("", false), ("localhost/x", false),
        ("https://github.com/a/b/tree/c/", false), ("https://example.com/", false), ("x@sha256:ab", false),
    ]) func `a folder is one only when it is written as one`(_ text: String, _ isFolder: Bool) {
        #expect(isFolderText(text) == isFolder)
        #expect(SourceRegistry().accepts(text) == isFolder)
    }

    @Test(arguments: ["hello", "https://example.com/a", "https://github.com/a/b", ""]) func `what no source accepts cannot be loaded`(
        _ text: String
    ) {
        let error = failure { try SourceRegistry().load(text) { _ in throw CocoaError(.featureUnsupported) } }
        #expect(error is ContentError)
        #expect(error?.message == "Cannot load source: \(text)")
        #expect(error?.code == .notFound)
        #expect(error?.hint == "write a folder as ./name, a page as https://github.com/OWNER/REPO/tree/BRANCH/PATH")
    }

    @Test func `a folder that is not there and a file cannot be loaded`() throws {
        let folder = try NamedFolder("f", ["x": ""])
        for (text, hint) in [
            ("\(folder.path)/none", "there is no such folder"), ("\(folder.path)/x", "it is a file: a resource is a folder"),
        ] {
            let error = failure { try FolderSource.open(text) }
            #expect(error?.message == "Cannot load source: \(text)")
            #expect(error?.hint == hint)
        }
        #expect(failure { try FolderSource.open("./a\0b") }?.hint == "a path cannot hold a NUL")
    }

    @Test func `a tilde is the user's home`() throws {
        let home = try #require(ProcessInfo.processInfo.environment["HOME"])
        #expect(try FolderSource.open("~").path == SourceFolderPath(home))
        #expect(try FolderSource.open("~/").path == SourceFolderPath(home))
    }

    @Test func `sources are tried in order`() throws {
        struct Fixed: ResourceSource {
            let name: String
            func accepts(_ text: String) -> Bool { text.hasPrefix("fixed:") || text == "./x" }
            func load(_ text: String, detectors: DetectorList, stage: StageContent) throws -> SourceResource {
                let (digest, size) = try stage(BytesSource(Array(text.utf8)))
                let definition = try Definition(.object(["name": .string(name), "type": "text"]))
                return SourceResource(
                    definition: definition,
                    content: .staged([ResourceFile(path: try FilePath(parsing: "content"), digest: digest, size: size)]))
            }
        }
        var registry = SourceRegistry()
        registry.register(Fixed(name: "first"))
        registry.register(Fixed(name: "second"))
        let stage = MemoryStage()
        let source = try registry.load("fixed:a", stage: stage.stage)
        #expect(source.definition.name == "first")
        guard case .staged(let files) = source.content else { throw CocoaError(.featureUnsupported) }
        #expect(files.map { stage.text($0) } == ["fixed:a"])
        #expect(failure { try registry.load("./x", stage: stage.stage) }?.hint == "there is no such folder")
    }
}

private func SourceFolderPath(_ path: String) -> String { URL(fileURLWithPath: path).resolvingSymlinksInPath().path }
