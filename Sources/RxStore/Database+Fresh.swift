import RxCrypto
import RxModel

/// A row of `fresh` without its bytes.
struct FreshRow: Equatable {
    let id: Int
    let digest: Digest
    let size: Int
}

extension Database {
    /// Keeps the bytes of a blob whose row was just written and whose file is not durable yet. Gives the row's id, which is never used again.
    func putFresh(_ digest: Digest, _ bytes: [UInt8]) throws -> Int {
        try run("INSERT INTO fresh (digest, bytes) VALUES (?, ?)", .digest(digest), .blob(bytes))
        return lastInsertedID
    }

    /// All rows, without their bytes.
    func freshRows() throws -> [FreshRow] {
        try rows("SELECT id, digest, length(bytes) FROM fresh ORDER BY id") {
            FreshRow(id: $0.int(0), digest: try $0.digest(1), size: $0.int(2))
        }
    }

    /// The blob of one row; nil when it has gone.
    func freshBytes(_ id: Int) throws -> (digest: Digest, bytes: [UInt8])? {
        try first("SELECT digest, bytes FROM fresh WHERE id = ?", .integer(id)) { (try $0.digest(0), $0.blob(1)) }
    }

    /// Keeps the right bytes of a blob whose file is set aside, under another id: who was about to delete the row, because the file is durable,
    /// deletes another. They are written anew by a collection, or the next start.
    func keepFresh(_ digest: Digest) throws {
        let bytes = try first("SELECT bytes FROM fresh WHERE digest = ?", .digest(digest)) { $0.blob(0) }
        guard let bytes, sha256(bytes) == digest else { return }
        try run("DELETE FROM fresh WHERE digest = ?", .digest(digest))
        _ = try putFresh(digest, bytes)
    }

    /// Deletes a row; fine when it has gone.
    func forgetFresh(_ id: Int) throws { try run("DELETE FROM fresh WHERE id = ?", .integer(id)) }
}
