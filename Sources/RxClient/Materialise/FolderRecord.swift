import RxCrypto
import RxModel

/// What rx wrote to a folder, so that the next time only what differs is touched and nobody's own changes are lost.
///
/// Derived: without it, files are compared by content. Source: Specs/09-command-line, CLI-052.
struct FolderRecord: Equatable, Sendable {
    /// One file or symlink.
    struct Entry: Equatable, Sendable {
        /// Where it is.
        let path: FilePath
        /// What was written.
        let content: EntryContent
        /// Whether it is a hard link to the store's file.
        let isLinked: Bool
        /// What it looked like after that; nil when that is not known, and its content counts alone.
        let stamp: FolderStamp?
    }

    /// A file changed this short a time before the record could change again within the same tick of the file system's clock.
    static let clockTick = 10_000_000

    /// The resource that is there in whole; nil while it is being written.
    let manifest: Digest?
    /// The digest of the resource.json that was written with it; nil for none.
    let definition: Digest?
    /// When the stamps were known to be right, in nanoseconds since 1970.
    let writtenAt: Int
    /// The entries by path; a path may be there twice while one content takes the other's place.
    let entries: [Entry]

    /// Whether an entry looks as it did, so that its content is the one that was written.
    func isUnchanged(_ entry: Entry, _ stamp: FolderStamp, _ kind: EntryContent.Kind) -> Bool {
        guard let known = entry.stamp, known.size == stamp.size, known.modifiedAt == stamp.modifiedAt, known.inode == stamp.inode else {
            return false
        }
        if entry.isLinked { return kind != .symlink }
        return kind == entry.content.kind && known.changedAt == stamp.changedAt && stamp.changedAt + FolderRecord.clockTick < writtenAt
    }
}

extension FolderRecord {
    private static let magic = Array("rx folder 1\n".utf8)
    private static let linkedFlag: UInt8 = 0x10
    private static let stampFlag: UInt8 = 0x20

    /// How many bytes are made before they are given away.
    private static let portion = 64 << 10

    /// The record as bytes, with the real path of its folder and a digest of all.
    func encoded(for folder: String) -> [UInt8] {
        var all: [UInt8] = []
        encode(for: folder) { all += $0 }
        return all
    }

    /// Gives those bytes to `take`, in portions.
    func encode<Failure: Error>(for folder: String, _ take: ([UInt8]) throws(Failure) -> Void) throws(Failure) {
        let hasher = SHA256Hasher()
        var out = FolderRecord.magic
        out.reserveCapacity(2 * FolderRecord.portion)
        func add(_ number: Int) { withUnsafeBytes(of: number.littleEndian) { out.append(contentsOf: $0) } }
        func add(_ text: String) {
            add(text.utf8.count)
            out.append(contentsOf: text.utf8)
        }
        func add(_ digest: Digest?) {
            out.append(digest == nil ? 0 : 1)
            digest?.withBytes { out.append(contentsOf: $0) }
        }
        func giveAway() throws(Failure) {
            out.withUnsafeBytes { hasher.update($0) }
            try take(out)
            out.removeAll(keepingCapacity: true)
        }
        add(folder)
        add(manifest)
        add(definition)
        add(writtenAt)
        add(entries.count)
        for entry in entries {
            add(entry.path.text)
            let flags = entry.content.kind.rawValue | (entry.isLinked ? FolderRecord.linkedFlag : 0)
            out.append(flags | (entry.stamp == nil ? 0 : FolderRecord.stampFlag))
            entry.content.digest.withBytes { out.append(contentsOf: $0) }
            if let stamp = entry.stamp {
                add(stamp.size)
                add(stamp.modifiedAt)
                add(stamp.changedAt)
                add(Int(bitPattern: UInt(stamp.inode)))
            }
            if out.count >= FolderRecord.portion { try giveAway() }
        }
        try giveAway()
        try take(hasher.finish().bytes)
    }

    /// Reads a record; nil for one that is broken or of another folder.
    init?(_ bytes: [UInt8], for folder: String) {
        guard bytes.count > 32, bytes.starts(with: FolderRecord.magic),
            Digest(bytes: bytes.suffix(32)) == bytes.withUnsafeBytes({ sha256(UnsafeRawBufferPointer(rebasing: $0.dropLast(32))) })
        else { return nil }
        let read: FolderRecord? = bytes.withUnsafeBytes { raw in
            var reader = RecordReader(UnsafeRawBufferPointer(rebasing: raw[FolderRecord.magic.count..<(raw.count - 32)]))
            return FolderRecord(&reader, folder)
        }
        guard let read else { return nil }
        self = read
    }

    private init?(_ reader: inout RecordReader, _ folder: String) {
        guard reader.text() == folder, let manifest = reader.optionalDigest(), let definition = reader.optionalDigest(),
            let writtenAt = reader.number(), let count = reader.number(), count >= 0
        else { return nil }
        var entries: [Entry] = []
        entries.reserveCapacity(min(count, 1 << 20))
        for _ in 0..<count {
            guard let text = reader.text(), let path = try? FilePath(parsing: text), let flags = reader.byte(),
                let kind = EntryContent.Kind(rawValue: flags & 0xF), let digest = reader.digest()
            else { return nil }
            var stamp: FolderStamp?
            if flags & FolderRecord.stampFlag != 0 {
                guard let size = reader.number(), let modifiedAt = reader.number(), let changedAt = reader.number(),
                    let inode = reader.number()
                else { return nil }
                stamp = FolderStamp(size: size, modifiedAt: modifiedAt, changedAt: changedAt, inode: UInt64(UInt(bitPattern: inode)))
            }
            entries.append(
                Entry(
                    path: path, content: EntryContent(kind: kind, digest: digest), isLinked: flags & FolderRecord.linkedFlag != 0,
                    stamp: stamp))
        }
        self.init(manifest: manifest, definition: definition, writtenAt: writtenAt, entries: entries)
    }
}

/// Takes values off the front of bytes; nil when they are too few.
private struct RecordReader {
    private var rest: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) { rest = bytes }

    private mutating func take(_ count: Int) -> UnsafeRawBufferPointer? {
        guard count >= 0, count <= rest.count else { return nil }
        defer { rest = UnsafeRawBufferPointer(rebasing: rest[count...]) }
        return UnsafeRawBufferPointer(rebasing: rest[..<count])
    }

    mutating func byte() -> UInt8? { take(1)?[0] }

    mutating func number() -> Int? { take(8).map { Int(littleEndian: $0.loadUnaligned(as: Int.self)) } }

    mutating func text() -> String? { number().flatMap { take($0) }.flatMap { String(validating: $0, as: UTF8.self) } }

    mutating func digest() -> Digest? { take(32).flatMap { Digest(bytes: $0) } }

    /// A digest that may be none.
    mutating func optionalDigest() -> Digest?? {
        switch byte() {
        case 0: .some(nil)
        case 1: digest().map { .some($0) } ?? nil
        default: nil
        }
    }
}
