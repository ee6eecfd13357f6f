import RxCrypto
import RxModel

/// The 256 random numbers of the rolling hash: number `i` is the first 8 bytes, most significant first, of the SHA-256 of the one byte
/// `i`. Source: Specs/13-chunks, CDC-002.
package enum GearTable {
    /// The numbers by byte.
    package static let values: [UInt64] = (0..<256).map { byte in
        sha256([UInt8(byte)]).bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }
}
