import RxModel

/// Told how far a piece of work is; called from several threads.
public protocol Progress: Sendable {
    /// Work begins: what it is (`adding`, `pushing`), and its bytes where they are known.
    func begin(_ what: String, total: Int?)
    /// The same for work on files, as many as are known.
    func begin(_ what: String, total: Int?, files: Int?)
    /// More bytes are done.
    func advance(_ bytes: Int)
    /// More bytes are done, and with them so many files.
    func advance(_ bytes: Int, files: Int)
    /// So many pieces of work follow one another in what was asked for; told before the first begins. They are one whole.
    func expect(phases: Int)
    /// The work is over.
    func end()
}

extension Progress {
    /// Tells of the bytes alone.
    public func begin(_ what: String, total: Int?, files: Int?) { begin(what, total: total) }
    /// Tells of the bytes alone.
    public func advance(_ bytes: Int, files: Int) { advance(bytes) }
    /// Tells nothing.
    public func expect(phases: Int) {}
}

/// Tells nobody.
public struct NoProgress: Progress {
    /// Makes one.
    public init() {}

    public func begin(_ what: String, total: Int?) {}
    public func advance(_ bytes: Int) {}
    public func end() {}
}

/// Passes bytes on and counts them.
final class MeteredSource: ByteSource {
    private let source: any ByteSource
    private let progress: any Progress

    init(_ source: any ByteSource, _ progress: any Progress) {
        self.source = source
        self.progress = progress
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let count = try source.read(into: buffer)
        progress.advance(count)
        return count
    }
}

/// Passes bytes on and counts them.
final class MeteredSink: ByteSink {
    private let sink: any ByteSink
    private let progress: any Progress

    init(_ sink: any ByteSink, _ progress: any Progress) {
        self.sink = sink
        self.progress = progress
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        try sink.write(bytes)
        progress.advance(bytes.count)
    }
}
