/// The rule that no symlink of a resource leads out of its root, also not through another symlink.
///
/// Source: Specs/04-archive.
struct SymlinkRule {
    /// How many symlinks one resolution may follow, as on Linux (path_resolution(7)).
    static let followLimit = 40
    /// How many bytes of paths all resolutions together may look at: more than 200,000 honest symlinks need, and seconds of work.
    static let workLimit = 128 << 20

    private let links: [FilePath: String]

    init(_ files: [ResourceFile]) {
        links = Dictionary(uniqueKeysWithValues: files.compactMap { file in file.symlink.map { (file.path, $0) } })
    }

    /// Throws `ContentError` naming the first symlink that is refused.
    func check() throws(ContentError) {
        var work = 0
        for (path, target) in links.sorted(by: { $0.key < $1.key }) { try check(path, target, &work) }
    }

    private func check(_ path: FilePath, _ target: String, _ work: inout Int) throws(ContentError) {
        func fail(_ reason: String) -> ContentError {
            ContentError("entry \(FilePath.quoted(path.text)): the symlink to \(FilePath.quoted(target)) \(reason)")
        }
        guard !target.isEmpty, target.utf8.count <= FilePath.lengthLimit, !target.utf8.contains(0), !target.utf8.contains(0x0A) else {
            throw fail("has an empty, too long or broken target")
        }
        guard target.utf8.first != UInt8(ascii: "/") else { throw fail("leaves the root") }

        var at = path.segments.dropLast().map(String.init)
        var left = SymlinkRule.segments(target)
        var follows = 0
        while let segment = left.popLast() {
            if segment == ".." {
                guard at.popLast() != nil else { throw fail("leaves the root") }
                continue
            }
            at.append(segment)
            let reached = at.joined(separator: "/")
            work += reached.utf8.count
            guard work <= SymlinkRule.workLimit else { throw fail("takes too long to follow, with the others") }
            guard let next = links[FilePath(unchecked: reached)] else { continue }
            follows += 1
            guard follows < SymlinkRule.followLimit else { throw fail("goes round in a circle") }
            guard next.utf8.first != UInt8(ascii: "/") else { throw fail("leaves the root") }
            at.removeLast()
            left += SymlinkRule.segments(next)
        }
    }

    /// The segments that move, last one first.
    private static func segments(_ target: String) -> [String] {
        target.utf8.split(separator: UInt8(ascii: "/")).map { String(Substring($0)) }.filter { $0 != "." }.reversed()
    }
}
