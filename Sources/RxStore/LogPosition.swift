/// A place in one of the logs that a database in WAL mode has one after the other.
///
/// Source: https://sqlite.org/walformat.html, sections 1 and 2.1.
struct LogPosition: Equatable {
    /// Which log: the first salt of its header, another one each time that it begins anew.
    let log: UInt32
    /// So many frames, each a page, from its beginning.
    let frames: Int
    /// Whether somebody writes anew what is behind it, or failed at that.
    let isOpen: Bool

    init(log: UInt32, frames: Int, isOpen: Bool = false) { (self.log, self.frames, self.isOpen) = (log, frames, isOpen) }

    /// Reads what `value` gives.
    init(_ value: UInt64) { self.init(log: UInt32(value >> 32), frames: Int(value & 0x7FFF_FFFF), isOpen: value & 0x8000_0000 != 0) }

    /// All in one number: a log has less than 2^31 frames.
    var value: UInt64 { UInt64(log) << 32 | (isOpen ? 0x8000_0000 : 0) | UInt64(frames) }
}

/// How a log lies in its file: a header, and frames of one length.
struct LogShape {
    /// The lengths of the log's header and of a frame's, in bytes.
    static let (header, frameHeader) = (32, 24)
    /// The length of a frame, in bytes.
    let frame: Int

    /// Of a database whose pages have so many bytes.
    init(pageSize: Int) { frame = LogShape.frameHeader + pageSize }

    /// Where a frame begins, the first being 0, in bytes.
    func start(of frame: Int) -> Int { LogShape.header + frame * self.frame }

    /// Where the first frames end, so many of them, in bytes; for none the beginning.
    func end(of frames: Int) -> Int { frames == 0 ? 0 : start(of: frames) }

    /// How many frames there are when the last that was written of them ends here: SQLite writes a frame's header anew, behind all pages, where
    /// the checksum of a frame before it is another one now.
    func frames(writtenTo end: Int) -> Int { max(0, (end - LogShape.header + frame - LogShape.frameHeader) / frame) }
}
