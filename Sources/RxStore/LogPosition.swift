/// A place in one of the logs that a database in WAL mode has one after the other.
///
/// Source: https://sqlite.org/walformat.html, sections 1 and 2.1.
struct LogPosition: Equatable {
    /// Which log: the first salt of its header, another one each time that it begins anew.
    let log: UInt32
    /// So many frames, each a page, from its beginning.
    let frames: Int

    init(log: UInt32, frames: Int) { (self.log, self.frames) = (log, frames) }

    /// Reads what `value` gives.
    init(_ value: UInt64) { (log, frames) = (UInt32(value >> 32), Int(value & 0xFFFF_FFFF)) }

    /// Both in one number.
    var value: UInt64 { UInt64(log) << 32 | UInt64(frames) }
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

    /// How many whole frames there are before a byte.
    func frames(in end: Int) -> Int { max(0, (end - LogShape.header) / frame) }
}
