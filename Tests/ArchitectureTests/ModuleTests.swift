import Foundation
import RxModel
import RxTesting
import Testing

/// A Swift file of the project.
struct SourceText: Sendable, CustomTestStringConvertible {
    let path: String
    let lines: [String]

    var testDescription: String { path }

    static func all(under folder: String) throws -> [SourceText] {
        let root = repositoryRoot.appendingPathComponent(folder)
        let files = FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil)?.compactMap { $0 as? URL } ?? []
        return try files.filter { $0.pathExtension == "swift" }.sorted { $0.path < $1.path }.map { url in
            SourceText(
                path: String(url.path.dropFirst(repositoryRoot.path.count + 1)),
                lines: try String(contentsOf: url, encoding: .utf8).components(separatedBy: "\n"))
        }
    }

    var imports: [String] {
        lines.compactMap { line in
            let words = line.split(separator: " ")
            guard let index = words.firstIndex(of: "import"), index <= 2, index + 1 < words.count, !line.hasPrefix("//") else { return nil }
            return String(words[index + 1])
        }
    }
}

@Suite struct `Modules` {
    /// What each module may import, besides the standard library's own modules: only what is below it.
    static let allowed: [String: Set<String>] = [
        "RxModel": [],
        "RxPosix": ["RxModel", "CPosix"],
        "RxCrypto": ["RxModel", "CCrypto"],
        "RxHTTP": ["RxModel"],
        "RxArchive": ["RxModel", "CArchive", "CZlib", "CZstd"],
        "RxChunks": ["RxModel", "RxCrypto"],
        "RxStore": ["RxModel", "RxPosix", "RxCrypto", "RxChunks", "CSQLite"],
        "RxProtocol": ["RxModel", "RxHTTP"],
        "RxSource": ["RxModel", "RxPosix", "RxArchive"],
        "RxLoader": ["RxModel", "RxPosix", "RxCrypto", "RxHTTP"],
        "RxServer": [
            "RxModel", "RxPosix", "RxCrypto", "RxChunks", "RxArchive", "RxHTTP", "RxProtocol", "RxStore", "RxLoader", "CMicroHTTPD",
        ],
        "RxClient": [
            "RxModel", "RxPosix", "RxCrypto", "RxChunks", "RxArchive", "RxHTTP", "RxProtocol", "RxStore", "RxSource", "RxLoader",
            "CCurl",
        ],
        "RxTorture": ["RxModel", "RxPosix", "RxCrypto", "CPosix"],
        "RxRun": ["RxModel", "RxPosix", "RxCrypto", "RxHTTP", "RxProtocol", "RxStore", "RxLoader", "RxServer", "RxClient"],
        "rx": [
            "RxModel", "RxPosix", "RxCrypto", "RxArchive", "RxHTTP", "RxProtocol", "RxStore", "RxSource", "RxLoader", "RxServer",
            "RxClient", "RxRun", "RxTorture",
        ],
    ]
    static let standard: Set<String> = ["Swift", "Glibc", "Synchronization"]
    /// Modules that compute and touch nothing: no file, socket, clock or thread.
    static let pure: Set<String> = ["RxModel", "RxHTTP", "RxProtocol", "RxChunks"]

    @Test func `import only what is below them, and never Foundation`() throws {
        for source in try SourceText.all(under: "Sources") {
            let module = source.path.split(separator: "/")[1]
            let allowed = try #require(Modules.allowed[String(module)], "\(source.path) is in a module that the list does not name")
            for name in source.imports where !Modules.standard.contains(name) {
                #expect(allowed.contains(name), "\(source.path) imports \(name)")
            }
            if Modules.pure.contains(String(module)) { #expect(!source.imports.contains("Glibc"), "\(source.path) reaches the system") }
        }
    }

    @Test func `hold files that a person can read in one go`() throws {
        for source in try SourceText.all(under: "Sources") + SourceText.all(under: "Tests") {
            #expect(source.lines.count <= 400, "\(source.path) has \(source.lines.count) lines")
        }
    }

    @Test func `document what they make public`() throws {
        let declaration =
            /^ *public (static |final |indirect |mutating |nonisolated )*(func|var|let|init|struct|class|enum|protocol|typealias|subscript)/
        for source in try SourceText.all(under: "Sources") {
            for (index, line) in source.lines.enumerated() where index > 0 && line.firstMatch(of: declaration) != nil {
                var above = index - 1
                while above > 0, source.lines[above].drop(while: { $0 == " " }).hasPrefix("@") { above -= 1 }
                guard !source.lines[above].contains("///"), !Modules.needsNoWords(source, index) else { continue }
                Issue.record("\(source.path):\(index + 1): \(line)")
            }
        }
    }

    @Test func `hold no unfinished work`() throws {
        let words = ["TO" + "DO", "FIX" + "ME", "XX" + "X:", "fatal" + "Error(\"not implemented"]
        for source in try SourceText.all(under: "Sources") + SourceText.all(under: "Tests") {
            for (index, line) in source.lines.enumerated() {
                for word in words where line.contains(word) { Issue.record("\(source.path):\(index + 1): \(word)") }
            }
        }
    }

    /// Members whose meaning is their protocol's or their name's alone: witnesses and lists of constants.
    static func needsNoWords(_ source: SourceText, _ index: Int) -> Bool {
        let line = source.lines[index]
        let witnesses = [
            "static func ==", "static func <", "func hash(into", "var description", "let code", "let message", "let hint", "var hint",
            "var code",
            "func read(into buffer", "func write(_ bytes", "func write(_ more", "init(stringLiteral", "init(booleanLiteral",
            "init(integerLiteral",
            "init(arrayLiteral", "init(dictionaryLiteral",
        ]
        if witnesses.contains(where: line.contains) { return true }
        return conformance(source, index)
    }

    /// Whether the declaration stands in a type that conforms to a protocol of the project that documents the member.
    private static func conformance(_ source: SourceText, _ index: Int) -> Bool {
        guard let name = source.lines[index].firstMatch(of: /(?:func|var) (\w+)/)?.1 else { return false }
        return documented.contains(String(name))
    }

    /// The members that some protocol of the project declares, with its words.
    private static let documented: Set<String> = {
        var names: Set<String> = []
        for source in (try? SourceText.all(under: "Sources")) ?? [] {
            var inside = false
            for line in source.lines {
                if line.firstMatch(of: #/^(public |package )?protocol /#) != nil { inside = true }
                if line == "}" { inside = false }
                if inside, let name = line.firstMatch(of: /^    (?:mutating )?(?:func|var) (\w+)/)?.1 { names.insert(String(name)) }
            }
        }
        return names
    }()
}
