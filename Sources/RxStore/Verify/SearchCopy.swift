import RxModel
import RxPosix

/// Compares the search index with its words on a copy of both: FTS5 compares as a write, and everybody else would wait for as long as that
/// takes. Source: Specs/05-store, STO-111.
struct SearchCopy {
    private static let tables: [StaticString] = [
        "DELETE FROM search_data", "INSERT INTO search_data SELECT * FROM store.search_data",
        "DELETE FROM search_idx", "INSERT INTO search_idx SELECT * FROM store.search_idx",
        "DELETE FROM search_content", "INSERT INTO search_content SELECT * FROM store.search_content",
        "DELETE FROM search_docsize", "INSERT INTO search_docsize SELECT * FROM store.search_docsize",
        "DELETE FROM search_config", "INSERT INTO search_config SELECT * FROM store.search_config",
    ]

    private let path: String

    /// Copies one state of the index into a new file at `path`. Throws `RegistryError`.
    init(of catalog: String, at path: String) throws {
        self.path = path
        let copy = try Database(path: path)
        // Nobody has use for a part of it.
        try copy.script("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
        try copy.run("ATTACH ? AS store", .text(catalog))
        let schema = try copy.first("SELECT sql FROM store.sqlite_schema WHERE name = 'search'") { $0.text(0) }
        guard let schema else { throw RegistryError("catalog \(catalog) has no search index", code: .storeUnusable) }
        try copy.script(schema)
        try copy.snapshot { for statement in SearchCopy.tables { try copy.run(statement) } }
    }

    /// Whether index and words agree.
    func isRight() throws -> Bool { try Database(path: path).isSearchRight() }
}

extension Database {
    /// Lets FTS5 compare its index with the words it was made from. Whoever wants to write waits meanwhile.
    func isSearchRight() throws -> Bool {
        do {
            try run("INSERT INTO search (search) VALUES ('integrity-check')")
            return true
        } catch let error as RegistryError where error.code == .storeUnusable { return false }
    }
}
