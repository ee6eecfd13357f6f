import Glibc
import RxModel
import RxPosix

/// Where things are under a store's root. Source: Specs/05-store.
struct StoreLayout: Sendable {
    let root: String

    var catalog: String { "\(root)/catalog.sqlite" }
    var blobs: String { "\(root)/blobs/sha256" }
    var staging: String { "\(root)/staging" }
    var trash: String { "\(root)/trash" }
    var cache: String { "\(root)/cache" }
    var archives: String { "\(cache)/archives" }

    /// The folder of one blob: its first two digits.
    func folder(_ digest: Digest) -> String { "\(blobs)/\(digest.hex.prefix(2))" }

    /// The file of one blob.
    func blob(_ digest: Digest) -> String {
        let hex = digest.hex
        return "\(blobs)/\(hex.prefix(2))/\(hex)"
    }

    /// Makes the folders that are missing. Throws `RegistryError` on a file system that cannot keep the store's promises.
    func prepare() throws {
        try Files.makeFolders(root)
        if let network = FileSystem.unsuitable(root) {
            throw RegistryError(
                "the store \(root) is on \(network), where locks and syncs cannot be relied on", code: .storeUnusable,
                hint: "put it on a local file system (RX_HOME, or --data for the server)")
        }
        for folder in [staging, trash, archives] where !Files.isFolder(folder) { try Files.makeFolders(folder) }
        guard !Files.isFolder("\(blobs)/ff") else { return }
        for prefix in 0..<256 { try Files.makeFolders("\(blobs)/\(Hex.text(CollectionOfOne(UInt8(prefix))))") }
        try Files.syncFolder(blobs)
        try Files.syncFolder(root)
    }
}
