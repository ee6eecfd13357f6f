import Glibc
import RxCrypto
import RxModel
import RxPosix

/// The records of the folders that were written, each in a file named after its folder's real path.
///
/// All of it is derived: what cannot be read was never written, and what cannot be written costs the next run some time. Those that were
/// used longest ago go first.
struct FolderRecords: Sendable {
    /// The longest record that is read, in bytes.
    static let limit = 1 << 30
    /// How many records are kept, and how many bytes of them.
    static let mostRecords = 1000
    static let mostBytes = 256 << 20

    /// The folder that holds them.
    let place: String

    /// The record of a folder; nil when there is none that can be used.
    func record(of folder: String) -> FolderRecord? {
        let path = file(of: folder)
        guard let bytes = try? Files.read(path, limit: FolderRecords.limit) else { return nil }
        Files.touch(path)
        return FolderRecord(bytes, for: folder)
    }

    /// Keeps the record of a folder.
    func keep(_ record: FolderRecord, of folder: String) {
        let path = file(of: folder)
        let aside = "\(path).\(RandomName.make())"
        do {
            try Files.makeFolders(place)
            let file = try FileDescriptor.open(aside, O_WRONLY | O_CREAT | O_EXCL, mode: 0o644)
            try record.encode(for: folder) { bytes throws(PosixError) in try file.write(bytes) }
            try Files.rename(aside, to: path)
            // One that is longer than all may be is kept until the next.
            let others = try Files.names(in: place).map { "\(place)/\($0)" }.filter { $0 != path }
            let length = Int(try file.status().st_size)
            Files.evict(others, count: FolderRecords.mostRecords - 1, bytes: max(0, FolderRecords.mostBytes - length))
        } catch {
            Files.discard(aside)
            // An old record would say what is no longer so.
            Files.discard(path)
        }
    }

    private func file(of folder: String) -> String { "\(place)/\(sha256(Array(folder.utf8)).hex)" }
}
