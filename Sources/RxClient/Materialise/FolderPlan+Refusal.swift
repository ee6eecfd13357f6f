import RxModel

extension FolderPlan {
    /// How many paths a message names.
    private static let named = 10

    /// Throws `ContentError` that names what stands in the way, when something does.
    func check(_ folder: String) throws(ContentError) {
        let fixed = conflicts.filter { $0.obstacle != .changed }
        guard fixed.isEmpty else {
            throw ContentError(
                "\(folder) has something else where files of the resource belong: "
                    + FolderPlan.list(fixed.map { FolderPlan.words($0) }),
                hint: "nothing was changed; move that away, or name another folder")
        }
        guard conflicts.isEmpty else {
            let isOne = conflicts.count == 1
            throw ContentError(
                "\(folder) has \(isOne ? "a file that is" : "\(conflicts.count) files that are") not as rx wrote \(isOne ? "it" : "them"): "
                    + FolderPlan.list(conflicts.map { FilePath.quoted($0.path.text) }),
                hint: "nothing was changed; move \(isOne ? "it" : "them") away, or write over \(isOne ? "it" : "them") with --force")
        }
    }

    private static func words(_ conflict: Conflict) -> String {
        let name = FilePath.quoted(conflict.path.text)
        switch conflict.obstacle {
        case .changed: return name
        case .folder: return "\(name) is a folder with other files"
        case .special: return "\(name) is no file"
        case .behind(let above): return "\(name) is behind \(FilePath.quoted(above.text)), which is no folder"
        }
    }

    private static func list(_ items: [String]) -> String {
        items.prefix(named).joined(separator: ", ") + (items.count > named ? " and \(items.count - named) more" : "")
    }
}
