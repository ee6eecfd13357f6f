public import RxModel
public import RxPosix

/// The blobs of a store as files, for those who link, clone or copy them whole. Nothing is checked: who copies hashes what was read.
public struct BlobFolder: Sendable {
    /// The open folder that `name` is relative to.
    public let folder: OpenFolder

    init(_ folder: OpenFolder) { self.folder = folder }

    /// Where a blob's file is, below the folder.
    public func name(_ digest: Digest) -> String {
        digest.withBytes { bytes in
            String(unsafeUninitializedCapacity: 67) { out in
                (out[0], out[1], out[2]) = (BlobFolder.digit(bytes[0] >> 4), BlobFolder.digit(bytes[0] & 15), UInt8(ascii: "/"))
                for (index, byte) in bytes.enumerated() {
                    out[3 + 2 * index] = BlobFolder.digit(byte >> 4)
                    out[4 + 2 * index] = BlobFolder.digit(byte & 15)
                }
                return 67
            }
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") - 10 + value }
}
