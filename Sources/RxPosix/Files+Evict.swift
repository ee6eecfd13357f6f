import Glibc

extension Files {
    /// Removes those of the files of a cache that were changed longest ago, until at most so many files, of so many bytes together, are left.
    /// For what can be made anew: what cannot be looked at or removed is passed over.
    public static func evict(_ paths: [String], count: Int = .max, bytes: Int = .max) {
        guard paths.count > count || bytes < .max else { return }
        var kept: [(path: String, size: Int, changedAt: Int)] = []
        for path in paths {
            guard let status = try? status(path), status.isRegular else { continue }
            kept.append((path, Int(status.st_size), status.modifiedAt))
        }
        kept.sort { $0.changedAt < $1.changedAt }
        var total = kept.reduce(0) { $0 + $1.size }
        var left = kept.count
        for each in kept where left > count || total > bytes {
            discard(each.path)
            total -= each.size
            left -= 1
        }
    }
}
