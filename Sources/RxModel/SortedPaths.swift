/// Paths of files in the order of their bytes, and the folders that they make.
package struct SortedPaths<Paths: RandomAccessCollection> where Paths.Element == FilePath, Paths.Index == Int {
    private let paths: Paths

    /// Takes paths that are sorted.
    package init(_ paths: Paths) { self.paths = paths }

    /// Where a path is; nil when it is not among them.
    package func index(of path: FilePath) -> Int? {
        let index = first { !SortedPaths.precedes($0, path.text) }
        return index < paths.endIndex && paths[index] == path ? index : nil
    }

    /// Whether a path is that of a folder with something in it.
    package func hasFolder(_ path: FilePath) -> Bool {
        let prefix = path.text + "/"
        let index = first { !SortedPaths.precedes($0, prefix) }
        return index < paths.endIndex && paths[index].text.utf8.starts(with: prefix.utf8)
    }

    /// The names in a folder, those of folders with a `/` behind them, in the order of their bytes, from behind the name `last` on; at most
    /// `limit`, and whether there is more. A file's name comes with the index of its path. The root is nil.
    package func names(in folder: FilePath?, after last: String? = nil, limit: Int = .max) -> (names: [(String, file: Int?)], isMore: Bool)
    {
        let prefix = folder.map { $0.text + "/" } ?? ""
        var index = start(prefix: prefix, after: last)
        var names: [(String, file: Int?)] = []
        while index < paths.endIndex, paths[index].text.utf8.starts(with: prefix.utf8) {
            guard names.count < limit else { return (names, true) }
            let rest = paths[index].text.utf8.dropFirst(prefix.utf8.count)
            if let slash = rest.firstIndex(of: UInt8(ascii: "/")) {
                let name = String(Substring(rest[...slash]))
                names.append((name, nil))
                index = first { SortedPaths.isBehind(prefix + name, $0) }
            } else {
                names.append((String(Substring(rest)), index))
                index += 1
            }
        }
        return (names, false)
    }

    private func start(prefix: String, after last: String?) -> Int {
        guard let last else { return first { !SortedPaths.precedes($0, prefix) } }
        // What is in a folder comes right behind its name.
        if last.utf8.last == UInt8(ascii: "/") { return first { SortedPaths.isBehind(prefix + last, $0) } }
        return first { !SortedPaths.precedes($0, prefix + last) && !$0.utf8.elementsEqual((prefix + last).utf8) }
    }

    /// The first whose text fits a condition that every one behind it fits, too.
    private func first(where fits: (String) -> Bool) -> Int {
        var low = paths.startIndex
        var high = paths.endIndex
        while low < high {
            let middle = low + (high - low) / 2
            if fits(paths[middle].text) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    private static func precedes(_ a: String, _ b: String) -> Bool { a.utf8.lexicographicallyPrecedes(b.utf8) }

    /// Whether a path comes behind all that begin with a prefix.
    private static func isBehind(_ prefix: String, _ path: String) -> Bool {
        precedes(prefix, path) && !path.utf8.starts(with: prefix.utf8)
    }
}
