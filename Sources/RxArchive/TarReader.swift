import CArchive
import Glibc
import RxModel

/// The entries of a tar, one after the other, parsed by libarchive.
///
/// libarchive sees the tar only: decompression, and everything that it is lenient about, is checked around it.
final class TarReader {
    /// What one entry is, as the archive says it; nothing is checked yet.
    struct Entry {
        enum Kind { case file, folder, symlink(target: [UInt8]), hardLink(target: [UInt8]), other(String) }
        let name: [UInt8]
        let kind: Kind
        let size: Int
        let executable: Bool

        /// The name for a message.
        var shown: String { Entry.quoted(name) }

        static func quoted(_ name: [UInt8]) -> String { FilePath.quoted(String(decoding: name, as: UTF8.self)) }
    }

    /// The most zeros after the end mark: GNU tar's largest record, and some.
    private static let maxPadding = 4 << 20

    private let raw: OpaquePointer
    private let feed: TarFeed
    /// What the entry being read still holds.
    private var block = UnsafeRawBufferPointer(start: nil, count: 0)
    private var zeros = 0
    private var position = 0
    private var size = 0
    private var isAtEnd = true
    /// Whose content that is; nil before there is any.
    private var entry: Entry?

    /// Reads the tar that `source` holds. Throws `ContentError` when it is none.
    init(_ source: any ByteSource, limits: ArchiveLimits) throws {
        feed = TarFeed(source, limits: limits)
        raw = archive_read_new()!
        archive_read_support_format_tar(raw)
        archive_read_set_options(raw, "hdrcharset=BINARY")
        try check(archive_read_open2(raw, Unmanaged.passUnretained(feed).toOpaque(), nil, readFeed, nil, nil))
    }

    deinit { archive_read_free(raw) }

    /// The next entry; nil at the end of the archive, which is checked to be one.
    func next() throws -> Entry? {
        try skipContent()
        let start = Int(archive_filter_bytes(raw, 0))
        feed.beginHeaders(at: start)
        var entry: OpaquePointer?
        self.entry = nil
        let result = rx_archive_next_header(raw, &entry)
        let end = Int(archive_filter_bytes(raw, 0))
        if result == ARCHIVE_EOF, feed.failure == nil {
            try checkEnd(from: start, to: end)
            return nil
        }
        try check(result)
        let described = try describe(entry!, headersEnd: end)
        self.entry = described
        size = described.size
        position = 0
        isAtEnd = false
        return described
    }

    /// Copies the next bytes of the entry's content; 0 at its end. Holes of a sparse file are zeros.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        var filled = 0
        while filled < buffer.count {
            let left = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
            if zeros > 0 {
                let count = min(zeros, left.count)
                memset(left.baseAddress!, 0, count)
                zeros -= count
                filled += count
            } else if !block.isEmpty {
                let count = min(block.count, left.count)
                left.copyMemory(from: UnsafeRawBufferPointer(rebasing: block[..<count]))
                block = UnsafeRawBufferPointer(rebasing: block[count...])
                filled += count
            } else if isAtEnd {
                break
            } else {
                try nextBlock()
            }
        }
        return filled
    }

    /// Passes over what is left of the entry's content.
    func skipContent() throws {
        while !isAtEnd { try nextBlock() }
        block = UnsafeRawBufferPointer(start: nil, count: 0)
        zeros = 0
    }

    private func nextBlock() throws {
        var bytes: UnsafeRawPointer?
        var count = 0
        var offset: la_int64_t = 0
        let result = archive_read_data_block(raw, &bytes, &count, &offset)
        if result == ARCHIVE_EOF, feed.failure == nil {
            zeros = size - position
            position = size
            isAtEnd = true
            return
        }
        try check(result)
        guard offset >= position, offset <= size, count <= size - Int(offset) else {
            throw ContentError("entry \(entry!.shown): the content is not as long as its header says")
        }
        zeros = Int(offset) - position
        block = UnsafeRawBufferPointer(start: bytes, count: count)
        position = Int(offset) + count
    }

    private func describe(_ entry: OpaquePointer, headersEnd: Int) throws -> Entry {
        func text(_ pointer: UnsafePointer<CChar>?) -> [UInt8]? {
            pointer.map { Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
        }
        let name = text(archive_entry_pathname(entry)) ?? []
        let headers = try feed.withHeaders(to: headersEnd) { try TarHeaders($0, shown: Entry.quoted(name)) }
        let kind: Entry.Kind
        if headers.kind == UInt8(ascii: "1") {
            kind = .hardLink(target: text(archive_entry_hardlink(entry)) ?? headers.target ?? [])
        } else {
            switch archive_entry_filetype(entry) {
            case S_IFREG: kind = .file
            case S_IFDIR: kind = .folder
            case S_IFLNK: kind = .symlink(target: text(archive_entry_symlink(entry)) ?? headers.target ?? [])
            case S_IFCHR, S_IFBLK: kind = .other("devices")
            case S_IFIFO: kind = .other("fifos")
            case S_IFSOCK: kind = .other("sockets")
            default: kind = .other("entries of an unknown kind")
            }
        }
        let size = archive_entry_size_is_set(entry) != 0 ? Int(archive_entry_size(entry)) : 0
        // libarchive (3.6) believes the length that a sparse file's extended header claims, whatever it is.
        guard size >= 0 else { throw ContentError("entry \(Entry.quoted(name)): its length is below 0") }
        return Entry(name: name, kind: kind, size: size, executable: archive_entry_perm(entry) & S_IXUSR != 0)
    }

    /// libarchive takes the end of the input for the end of the archive, and does not look at what follows the end mark.
    private func checkEnd(from start: Int, to end: Int) throws {
        let rest = try feed.drainPadding(from: end, limit: TarReader.maxPadding)
        guard end - start + rest >= 1024 else { throw ContentError("the archive is cut short: its end mark is missing") }
    }

    private func check(_ result: Int32) throws {
        if let failure = feed.failure { throw failure }
        guard result != ARCHIVE_OK else { return }
        let reason = archive_error_string(raw).map { String(cString: $0) } ?? "it is cut short or damaged"
        // The name's bytes are kept as they are, which is what is wanted.
        if result == ARCHIVE_WARN, reason.hasSuffix("current locale.") || reason.hasSuffix("current locale") { return }
        throw ContentError(entry.map { "entry \($0.shown): \(reason)" } ?? "the archive cannot be read: \(reason)")
    }
}

/// The read callback of libarchive; `client` is the `TarFeed`.
private func readFeed(
    _: OpaquePointer?, _ client: UnsafeMutableRawPointer?, _ bytes: UnsafeMutablePointer<UnsafeRawPointer?>?
) -> la_ssize_t {
    let feed = Unmanaged<TarFeed>.fromOpaque(client!).takeUnretainedValue()
    guard let next = feed.next() else { return -1 }
    bytes!.pointee = next.baseAddress
    return next.count
}
