public import RxModel

/// What is in the folders of a tree of files.
public struct FolderIndex: Sendable {
    /// The names in each folder, those of folders with a `/` behind them; the root is nil.
    private var names: [FilePath?: [String]] = [nil: []]

    /// Finds the folders of sorted paths.
    public init(_ paths: [FilePath]) {
        for path in paths {
            var at = path
            var name = path.lastName
            while true {
                let folder = at.parent
                let isKnown = names[folder] != nil
                names[folder, default: []].append(name)
                guard !isKnown, let folder else { break }
                at = folder
                name = folder.lastName + "/"
            }
        }
    }

    /// The names in a folder, sorted by their bytes, those of folders with a `/` behind them; nil when there is no such folder. The root is
    /// nil.
    public func names(in folder: FilePath?) -> [String]? { names[folder]?.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) } }

    /// The same as JSON.
    func list(_ folder: FilePath?) -> JSON? { names(in: folder).map { .array($0.map { .string($0) }) } }
}
