public import RxModel

/// Hashes what is written on its way to another sink.
public final class HashingSink: ByteSink {
    private let sink: any ByteSink
    private let hasher: SHA256Hasher

    /// Writes to `sink`; the caller finishes `hasher`.
    public init(_ sink: any ByteSink, _ hasher: SHA256Hasher) {
        self.sink = sink
        self.hasher = hasher
    }

    public func write(_ bytes: UnsafeRawBufferPointer) throws {
        hasher.update(bytes)
        try sink.write(bytes)
    }
}
