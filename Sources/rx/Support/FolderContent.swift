import RxLoader
import RxModel
import RxPosix
import RxSource

/// The files of a folder, as they are now.
struct FolderContent: ResourceContent {
    let locator: String
    let folder: String
    let paths: [FilePath]
    private let entries: [FilePath: SourceEntry]

    init(locator: String, folder: String, entries: [SourceEntry]) {
        self.locator = locator
        self.folder = folder
        paths = entries.map(\.path).sorted()
        self.entries = Dictionary(uniqueKeysWithValues: entries.map { ($0.path, $0) })
    }

    func open(_ path: FilePath) throws -> any ByteSource {
        guard let entry = entries[path] else { throw ContentError("File not found: \(path)", code: .notFound) }
        if case .regular = entry.kind { return FileSource(try entry.open()) }
        let real = try Files.realPath("\(folder)/\(path)")
        guard real.utf8.starts(with: "\(folder)/".utf8) else {
            throw ContentError("entry \(FilePath.quoted(path.text)): the symlink leaves the folder")
        }
        return try FileSource(path: real)
    }
}
