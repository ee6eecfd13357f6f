import Glibc
import RxPosix

/// What a disk may have forgotten when the power fails: bytes that were written, and names that were given, without a sync after them.
///
/// The worst that POSIX allows: each such piece is lost or kept by itself, and a name is durable only once its folder was synced.
/// Source: Specs/14-torture, "Power failure".
package struct PowerFailure {
    /// Bytes of a file, by its inode, that are not known to be durable.
    package struct Bytes: Hashable, Sendable {
        package let inode: UInt
        package let range: Range<Int>

        /// What is left of them without those of a range: none, one or two pieces.
        func without(_ other: Range<Int>) -> [Bytes] {
            guard range.overlaps(other) else { return [self] }
            let (front, back) = (max(range.lowerBound, other.lowerBound), min(range.upperBound, other.upperBound))
            return [range.lowerBound..<front, back..<range.upperBound].filter { !$0.isEmpty }.map { Bytes(inode: inode, range: $0) }
        }
    }

    /// A name that stands for a file, or for none when that is 0, and may stand for an older one again.
    package struct Name: Hashable, Sendable {
        package let inode: UInt
        package let old: UInt
        package let path: String
    }

    private struct Pending<Value> {
        let value: Value
        let line: Int
    }

    private var written: [Pending<Bytes>] = []
    private var named: [Pending<Name>] = []
    /// Bytes whose sync failed: no later one makes them durable, only writing them again.
    private var failed: [Bytes] = []
    /// Bytes that a failed sync of everything covered: no later one makes them durable, but one of their file does, which fails when they are
    /// lost, and so does writing them again.
    private var doubtful: [Bytes] = []
    /// How long files are for sure, by inode: what was written into them in place may be lost, and they are no shorter for it.
    private var lengths: [UInt: Int] = [:]
    /// The lines at which syncs began that have not ended, by what they are of.
    private var begun: [String: Int] = [:]

    /// Bytes and names that may be lost.
    package var bytes: [Bytes] { written.map(\.value) + failed + doubtful }
    /// Names that may be lost.
    package var names: [Name] { named.map(\.value) }

    /// Reads the notes of all processes; none when there is no such file.
    init(reading path: String) throws {
        let bytes = try Files.status(path) == nil ? [] : Files.read(path)
        self.init(notes: String(decoding: bytes, as: UTF8.self))
    }

    /// Reads notes, one a line; the last one may be cut off.
    package init(notes: String) {
        for (line, text) in notes.split(separator: "\n").enumerated() { read(text, line) }
    }

    private mutating func read(_ text: Substring, _ line: Int) {
        let words = text.split(separator: " ", maxSplits: 3).map(String.init)
        guard let kind = words.first else { return }
        switch kind {
        case "W":
            guard words.count == 4, let inode = UInt(words[1]), let offset = Int(words[2]), let count = Int(words[3]), count > 0 else {
                return
            }
            let range = offset..<offset + count
            // One write may write a part of it again, and the next one the rest.
            failed = failed.flatMap { $0.inode == inode ? $0.without(range) : [$0] }
            doubtful = doubtful.flatMap { $0.inode == inode ? $0.without(range) : [$0] }
            written.append(Pending(value: Bytes(inode: inode, range: range), line: line))
        case "N":
            guard words.count == 4, let inode = UInt(words[1]), var old = UInt(words[2]) else { return }
            // What its folder has for sure is what the name stood for before the first change.
            if let index = named.firstIndex(where: { $0.value.path == words[3] }) { old = named.remove(at: index).value.old }
            named.append(Pending(value: Name(inode: inode, old: old, path: words[3]), line: line))
        case "s", "S", "E":
            guard words.count == 4, let inode = UInt(words[2]) else { return }
            let key = "\(words[1]) \(inode)"
            if kind == "s" { return begun[key] = line }
            guard let start = begun.removeValue(forKey: key) else { return }
            if kind == "E" {
                // What was written again meanwhile is for the next sync.
                let again = written.filter { $0.value.inode == inode && $0.line > start }.map(\.value.range)
                failed += written.filter { $0.value.inode == inode && $0.line < start }
                    .flatMap { piece in again.reduce([piece.value]) { pieces, range in pieces.flatMap { $0.without(range) } } }
            }
            if kind == "S" { noteLengths { $0.value.inode == inode && $0.line < start } }
            written.removeAll { $0.value.inode == inode && $0.line < start }
            if kind == "S" { doubtful.removeAll { $0.inode == inode } }
            if kind == "S" { named.removeAll { $0.line < start && PowerFailure.folder($0.value.path) == words[3] } }
        case "b": if words.count > 1 { begun[words[1]] = line }
        case "B", "X":
            guard words.count > 1, let start = begun.removeValue(forKey: words[1]) else { return }
            if kind == "X" { doubtful += written.filter { $0.line < start }.map(\.value) }
            if kind == "B" { noteLengths { $0.line < start } }
            written.removeAll { $0.line < start }
            if kind == "B" { named.removeAll { $0.line < start } }
        default: return
        }
    }

    private mutating func noteLengths(of isSynced: (Pending<Bytes>) -> Bool) {
        for piece in written where isSynced(piece) {
            lengths[piece.value.inode] = max(lengths[piece.value.inode] ?? 0, piece.value.range.upperBound)
        }
    }

    /// How long a file is for sure.
    package func length(_ inode: UInt) -> Int { lengths[inode] ?? 0 }

    private static func folder(_ path: String) -> Substring {
        path.lastIndex(of: "/").map { path[..<$0] } ?? ""
    }

    /// Lets the files below `folder` lose what may be lost: all of it, or parts.
    package func strike(_ folder: String, _ chance: inout Chance) throws {
        let share = chance.one(of: [100, 50, 15])
        for name in names where chance.happens(share) {
            // A folder that was moved stays where it is: that may be, too.
            let status = try Files.status(name.path)
            guard UInt(status?.st_ino ?? 0) == name.inode, !(status?.isFolder ?? false) else { continue }
            if name.inode != 0 { try Files.remove(name.path) }
            // A file that was kept is there as long as its folder is.
            if name.old != 0 { link("\(folder)/kept/\(name.old)", name.path) }
        }
        let lost = Dictionary(grouping: bytes.filter { _ in chance.happens(share) }, by: \.inode)
        guard !lost.isEmpty else { return }
        for path in try Files.tree(folder) {
            // Memory that processes share; whoever comes first after a power failure makes it anew.
            guard !path.hasSuffix("-shm"), let status = try Files.status(path), status.isRegular, let pieces = lost[UInt(status.st_ino)]
            else { continue }
            let ends = length(UInt(status.st_ino))
            try forget(pieces.map(\.range), of: path, size: Int(status.st_size), cuts: chance.happens(50) ? ends : .max)
        }
    }

    /// Fills ranges with zeros; one that ends the file, and begins at `cuts` or behind it, is cut off.
    private func forget(_ ranges: [Range<Int>], of path: String, size: Int, cuts: Int) throws {
        try Damage.makeWritable(path)
        let file = try FileDescriptor.open(path, O_RDWR)
        for range in ranges.map({ $0.clamped(to: 0..<size) }) where !range.isEmpty {
            if range.lowerBound >= cuts, range.upperBound == size {
                _ = try retrying("ftruncate", path) { ftruncate(file.number, off_t(range.lowerBound)) }
                continue
            }
            let zeros = [UInt8](repeating: 0, count: range.count)
            _ = try retrying("pwrite", path) { pwrite(file.number, zeros, zeros.count, off_t(range.lowerBound)) }
        }
    }
}
