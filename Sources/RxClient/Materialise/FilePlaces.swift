import RxModel

/// Finds the files of a content by halving: a table of them would take many times the memory for hundreds of thousands of files.
struct FilePlaces: Sendable {
    /// The files' places in the manifest, in the order of their contents.
    private let sorted: [Int32]

    /// Of the files of a manifest; no symlinks.
    init(_ files: [ResourceFile]) {
        sorted = files.indices.lazy.filter { files[$0].symlink == nil }.map { Int32($0) }
            .sorted { (files[Int($0)].digest, $0) < (files[Int($1)].digest, $1) }
    }

    /// The places, in their order, of the files with this content.
    func of(_ digest: Digest, in files: [ResourceFile]) -> [Int] {
        var (low, high) = (0, sorted.count)
        while low < high {
            let middle = (low + high) / 2
            if files[Int(sorted[middle])].digest < digest { low = middle + 1 } else { high = middle }
        }
        return sorted[low...].prefix { files[Int($0)].digest == digest }.map { Int($0) }
    }
}
