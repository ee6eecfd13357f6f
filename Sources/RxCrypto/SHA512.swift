import CCrypto
public import RxModel

/// The SHA-512 of bytes that come in pieces (FIPS 180-4), by libcrypto. One thread at a time; used once.
public final class SHA512Hasher {
    private let context: OpaquePointer

    /// Starts empty.
    public init() {
        context = EVP_MD_CTX_new()!
        precondition(EVP_DigestInit_ex(context, EVP_sha512(), nil) == 1, "SHA-512 failed")
    }

    deinit { EVP_MD_CTX_free(context) }

    /// Takes more bytes.
    public func update(_ bytes: UnsafeRawBufferPointer) {
        precondition(EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1, "SHA-512 failed")
    }

    /// The digest of all bytes taken.
    public func finish() -> ContentDigest {
        var bytes = [UInt8](repeating: 0, count: 64)
        precondition(EVP_DigestFinal_ex(context, &bytes, nil) == 1, "SHA-512 failed")
        return .sha512(Hex.text(bytes))
    }
}

extension ContentDigest {
    /// Whether this is the digest of some bytes.
    public func names(_ bytes: [UInt8]) -> Bool {
        switch self {
        case .sha256(let digest): return digest == RxCrypto.sha256(bytes)
        case .sha512:
            let hasher = SHA512Hasher()
            bytes.withUnsafeBytes { hasher.update($0) }
            return hasher.finish() == self
        case .other: return false
        }
    }
}
