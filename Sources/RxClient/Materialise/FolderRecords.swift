import Glibc
import RxCrypto
import RxModel
import RxPosix

/// The records of the folders that were written, each in a file named after its folder's real path.
///
/// All of it is derived: what cannot be read was never written, and what cannot be written costs the next run some time.
struct FolderRecords: Sendable {
    /// The longest record that is read, in bytes.
    static let limit = 1 << 30

    /// The folder that holds them.
    let place: String

    /// The record of a folder; nil when there is none that can be used.
    func record(of folder: String) -> FolderRecord? {
        guard let bytes = try? Files.read(file(of: folder), limit: FolderRecords.limit) else { return nil }
        return FolderRecord(bytes, for: folder)
    }

    /// Keeps the record of a folder.
    func keep(_ record: FolderRecord, of folder: String) {
        let path = file(of: folder)
        let aside = "\(path).\(RandomName.make())"
        do {
            try Files.makeFolders(place)
            let file = try FileDescriptor.open(aside, O_WRONLY | O_CREAT | O_EXCL, mode: 0o644)
            try file.write(record.encoded(for: folder))
            try Files.rename(aside, to: path)
        } catch {
            Files.discard(aside)
            // An old record would say what is no longer so.
            Files.discard(path)
        }
    }

    private func file(of folder: String) -> String { "\(place)/\(sha256(Array(folder.utf8)).hex)" }
}
