import CSQLite
import Foundation
import RxTesting
import Testing

@testable import RxStore

/// The statements of the store's sources, and how SQLite answers them. Source: Specs/05-store, STO-019.
@Suite struct `Statements of the catalog` {
    /// Those that may read a whole repository for one thing in it, and why.
    private static let exceptions = [
        // Asked only for what at least 256 manifests name, and then the repository's own may be fewer.
        "SELECT 1 FROM manifests CROSS JOIN refs",
        // Copies of which only parts are here: a few of a name, in one home's cache.
        "SELECT id FROM partial_copies WHERE registry = ?1 AND repository = ?2 AND (digest = ?3 OR tree = ?3)",
    ]

    @Test func `that give a digest or an id look that up, and read nothing through`() throws {
        let folder = try TemporaryFolder()
        _ = try DiskStore(at: folder.path)
        var handle: OpaquePointer?
        #expect(sqlite3_open_v2("\(folder.path)/catalog.sqlite", &handle, SQLITE_OPEN_READWRITE, nil) == SQLITE_OK)
        defer { sqlite3_close_v2(handle) }
        let given = try Regex(#"\b(digest|manifest|id|copy|tree|subject) = \?"#)
        var looked = 0
        for statement in try statements() where statement.contains(given) {
            guard !Self.exceptions.contains(where: { statement.hasPrefix($0) }) else { continue }
            guard let plan = plan(of: statement, handle) else { continue }
            looked += 1
            #expect(plan.filter(isWide).isEmpty, "\(statement)\n\(plan.joined(separator: "\n"))")
        }
        #expect(looked > 80, "they are found in the sources")
    }

    /// Whether a step of a plan reads all rows of a table, of a registry or of a repository.
    private func isWide(_ step: String) -> Bool {
        if step.hasPrefix("SCAN ") {
            return !["SCAN CONSTANT ROW", "SCAN (", "SCAN search VIRTUAL TABLE INDEX 0:="].contains { step.hasPrefix($0) }
        }
        return ["(registry=?)", "(registry=? AND repository=?)"].contains { step.hasSuffix($0) }
    }

    /// Nil for what is no statement of this database.
    private func plan(of sql: String, _ handle: OpaquePointer?) -> [String]? {
        var statement: OpaquePointer?
        guard sqlite3_prepare_v3(handle, "EXPLAIN QUERY PLAN \(sql)", -1, 0, &statement, nil) == SQLITE_OK else { return nil }
        defer { sqlite3_finalize(statement) }
        var plan: [String] = []
        while sqlite3_step(statement) == SQLITE_ROW { plan.append(String(cString: sqlite3_column_text(statement, 3))) }
        return plan
    }

    /// The texts in the sources that begin as statements do, each in one line.
    private func statements() throws -> [String] {
        let sources = repositoryRoot.appendingPathComponent("Sources/RxStore")
        let long = try Regex(#"(?s)"""(.*?)""""#), short = try Regex(#""([^"\n]*)""#)
        let verbs = ["SELECT ", "DELETE ", "UPDATE ", "INSERT "]
        var found: [String] = []
        for path in try FileManager.default.subpathsOfDirectory(atPath: sources.path) where path.hasSuffix(".swift") {
            let text = try String(contentsOf: sources.appendingPathComponent(path), encoding: .utf8)
            let literals = text.matches(of: long) + text.replacing(long, with: "").matches(of: short)
            found += literals.compactMap { $0.output[1].substring }
                .map { $0.split(whereSeparator: \.isWhitespace).joined(separator: " ") }
                .filter { text in verbs.contains { text.hasPrefix($0) } }
        }
        return found
    }
}
