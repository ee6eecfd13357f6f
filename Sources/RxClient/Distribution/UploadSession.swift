import RxHTTP
import RxModel

/// Where the bytes of an upload go. Source: OCI distribution spec v1.1, "Pushing a blob monolithically".
struct UploadPlace {
    /// The session's URL as the registry gave it, absolute.
    private(set) var url: WebURL

    /// Reads the `Location` of an answer: relative to the URL that answered, or absolute, also on another host; nil for what is none, and
    /// for http where https answered.
    init?(_ location: String?, answeredBy url: String) {
        guard let location, let base = try? WebURL(url), let place = try? base.following(location),
            base.scheme == "http" || place.scheme == "https"
        else { return nil }
        self.url = place
    }

    /// Reads a place that was kept; nil for what is none.
    init?(kept url: String) {
        guard let place = try? WebURL(url) else { return nil }
        self.url = place
    }

    /// The URL that closes the session: the place's own query stays as it is, and the digest is added to it.
    func closing(_ digest: ContentDigest) -> String {
        let whole = url.text
        let text = whole.utf8.firstIndex(of: UInt8(ascii: "#")).map { String(whole[..<$0]) } ?? whole
        let mark = !text.utf8.contains(UInt8(ascii: "?")) ? "?" : text.hasSuffix("?") || text.hasSuffix("&") ? "" : "&"
        return "\(text)\(mark)digest=\(digest)"
    }

    /// How many bytes a session's `Range: 0-last` says that it has; 0 without one, nil for what breaks the grammar.
    static func held(_ range: String?) -> Int? {
        guard var range = range?.trimmed, !range.isEmpty else { return 0 }
        if range.hasPrefix("bytes=") { range.removeFirst("bytes=".count) }
        let ends = range.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard ends.count == 2, ends[0] == "0" else { return nil }
        // An empty session's last byte is written as -1 by some registries.
        guard let last = Int(ends[1]), last >= -1, last < Int.max else { return nil }
        return last + 1
    }
}

/// Reads a blob's bytes from any place on, opened again where it was read beyond that.
final class UploadReader {
    private let progress: any Progress
    private var source: (any ByteSource)?
    private var position = 0
    private var furthest = 0

    init(_ progress: any Progress) { self.progress = progress }

    /// Goes to `offset`, where it can without reading what lies before. Throws what opening and reading throw.
    func seek(_ offset: Int, _ open: () throws -> any ByteSource) throws {
        if source == nil || position > offset {
            (source, position) = (nil, 0)
            source = try open()
        }
        if let source = source as? any SeekableSource {
            try source.seek(to: offset)
            position = offset
            count()
        }
        while position < offset {
            let count = try withUnsafeTemporaryAllocation(byteCount: streamBufferSize, alignment: 16) { buffer in
                try read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(buffer.count, offset - position)]))
            }
            guard count > 0 else { throw UploadReader.short }
        }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let count = try source?.read(into: buffer) ?? 0
        position += count
        self.count()
        return count
    }

    private func count() {
        guard position > furthest else { return }
        progress.advance(position - furthest)
        furthest = position
    }

    static var short: ContentError { ContentError("the blob has fewer bytes than it should", code: .contentDamaged) }
}

/// Some bytes of a blob, as one request sends them. Throws when there are fewer.
final class UploadPart: ByteSource {
    private let reader: UploadReader
    private var left: Int

    init(_ reader: UploadReader, count: Int) {
        self.reader = reader
        left = count
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        guard left > 0, !buffer.isEmpty else { return 0 }
        let count = try reader.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(left, buffer.count)]))
        guard count > 0 else { throw UploadReader.short }
        left -= count
        return count
    }
}
