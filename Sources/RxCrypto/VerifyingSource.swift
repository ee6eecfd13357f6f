public import RxModel

/// Passes bytes on and throws in place of the end when they are not the ones that were promised.
public final class VerifyingSource: ByteSource {
    private let source: any ByteSource
    private let hasher = SHA256Hasher()
    private let expected: Digest
    private let damaged: () -> Void
    private var left: Int

    /// Expects exactly `size` bytes that hash to `digest`; calls `damaged` before it throws for other ones.
    public init(_ source: any ByteSource, digest: Digest, size: Int, damaged: @escaping () -> Void = {}) {
        self.source = source
        expected = digest
        self.damaged = damaged
        left = size
    }

    /// Throws `ContentError` when the bytes are too many, too few or other ones.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let count = try source.read(into: buffer)
        left -= count
        guard left >= 0, count > 0 || left == 0 else {
            damaged()
            throw ContentError("blob \(expected) has \(left < 0 ? "more" : "fewer") bytes than it should", code: .contentDamaged)
        }
        if count > 0 {
            hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        } else {
            let got = hasher.finish()
            guard got == expected else {
                damaged()
                throw ContentError.mismatch(expected: expected, got: got)
            }
        }
        return count
    }
}
