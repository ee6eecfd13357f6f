import Foundation
import RxLoader
import RxModel
import RxSource
import RxTesting
import Testing

@Suite struct `Source vectors` {
    /// Writes a vector's files into a folder of its name, and gives the folder's path.
    func make(_ vector: JSON, in work: TemporaryFolder) throws -> String {
        let name = vector["folder"]?.string ?? "folder"
        try FileManager.default.createDirectory(atPath: "\(work.path)/\(name)", withIntermediateDirectories: true)
        for (path, content) in try #require(vector["files"]?.object) { try work.write("\(name)/\(path)", try #require(content.string)) }
        return "\(work.path)/\(name)"
    }

    @Test(arguments: try vectors("source")) func `tell folders and pages from locators`(_ vector: JSON) throws {
        let input = try #require(vector["input"]?.string)
        let github = GitHubSource { _ in BytesSource([]) }
        switch vector["kind"]?.string {
        case "folder": #expect(isFolderText(input) && !github.accepts(input), "\(input)")
        case "github": #expect(!isFolderText(input) && github.accepts(input), "\(input)")
        default: #expect(!isFolderText(input) && !github.accepts(input), "\(input)")
        }
    }

    @Test(arguments: try vectors("ignore")) func `leave out what .rxignore lists`(_ vector: JSON) throws {
        let work = try TemporaryFolder()
        let folder = try SourceFolder(path: try make(vector, in: work))
        #expect(try folder.entries().map(\.path.text) == vector["kept"]?.array?.compactMap(\.string), "\(vector["name"]?.string ?? "?")")
    }

    @Test(arguments: try vectors("detect")) func `detect what a folder is`(_ vector: JSON) throws {
        let work = try TemporaryFolder()
        let path = try make(vector, in: work)
        let name = vector["name"]?.string ?? "?"
        let shownPath = "./\(vector["folder"]?.string ?? "folder")"
        let load = { try FolderSource().load(FolderSource.open(path), source: shownPath) }
        if let message = vector["error"]?.string {
            let error = #expect(throws: (any Error).self, "\(name)") { try load() } as? any ResourceError
            #expect(error?.message == message, "\(name)")
            if let code = vector["code"]?.string { #expect(error?.code.wire == code, "\(name)") }
            return
        }
        let source = try load()
        if let definition = vector["definition"] { #expect(source.definition.json == definition, "\(name)") }
        guard case .folder(let entries, _) = source.content, let kept = vector["kept"]?.array else { return }
        #expect(entries.map(\.path.text) == kept.compactMap(\.string), "\(name)")
    }
}
