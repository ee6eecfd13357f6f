import Foundation
import RxModel
import RxTesting
import Testing

@Suite struct `Specifications` {
    static let specs = repositoryRoot.appendingPathComponent("Specs")

    /// The ids that the pages give to their rules, in order.
    static func rules() throws -> [String] {
        let pages = try FileManager.default.contentsOfDirectory(at: specs, includingPropertiesForKeys: nil).filter {
            $0.pathExtension == "md"
        }
        return try pages.sorted { $0.path < $1.path }.flatMap { page in
            try String(contentsOf: page, encoding: .utf8).matches(of: /\*\*([A-Z]{2,4}-\d{3})\*\*/).map { String($0.1) }
        }
    }

    static func vectorFiles() throws -> [URL] {
        let files = try FileManager.default.contentsOfDirectory(
            at: specs.appendingPathComponent("vectors"), includingPropertiesForKeys: nil)
        return files.filter { $0.pathExtension == "json" }.sorted { $0.path < $1.path }
    }

    /// Every vector of every file, with the rules it names.
    static func vectorRules() throws -> [(file: String, rules: [String], vector: JSON)] {
        try vectorFiles().flatMap { url in
            let json = try JSON(parsing: [UInt8](Data(contentsOf: url)))
            return (json["vectors"]?.array ?? []).map { vector in
                (url.lastPathComponent, vector["rule"]?.array?.compactMap(\.string) ?? [vector["rule"]?.string ?? "none"], vector)
            }
        }
    }

    @Test func `give each rule one id`() throws {
        let rules = try Specifications.rules()
        #expect(rules.count > 100)
        let twice = Dictionary(grouping: rules) { $0 }.filter { $1.count > 1 }.keys.sorted()
        #expect(twice.isEmpty, "\(twice)")
    }

    @Test func `have a vector for every rule, and no vector for a rule that is not there`() throws {
        let rules = Set(try Specifications.rules())
        let shown = Set(try Specifications.vectorRules().flatMap(\.rules))
        #expect(rules.subtracting(shown).sorted() == [], "rules without a vector")
        #expect(shown.subtracting(rules).sorted() == [], "vectors of no rule")
    }

    @Test func `name for each rule of behaviour a test that exists`() throws {
        for (file, rules, vector) in try Specifications.vectorRules() where file == "behaviour.json" {
            let suite = try #require(vector["suite"]?.string, "\(rules)")
            let folder = repositoryRoot.appendingPathComponent("Tests/\(suite)").path
            #expect(FileManager.default.fileExists(atPath: folder), "\(rules): no test target \(suite)")
            guard let test = vector["test"]?.string else { continue }
            let found = try SourceText.all(under: "Tests/\(suite)").contains { $0.lines.contains { $0.contains("`\(test)`") } }
            #expect(found, "\(rules): \(suite) has no test `\(test)`")
        }
    }

    @Test func `list every error code with its status`() throws {
        let listed = Dictionary(
            try vectors("errors").compactMap { vector in vector["code"]?.string.map { ($0, vector["status"]?.int ?? 0) } },
            uniquingKeysWith: { first, _ in first })
        let code = /ErrorCode\(wire: "([A-Z_]+)", status: (\d+)\)/
        for source in try SourceText.all(under: "Sources") {
            for line in source.lines {
                guard let match = line.firstMatch(of: code) else { continue }
                #expect(listed[String(match.1)] == Int(match.2), "\(source.path): \(match.1)")
            }
        }
    }
}
