import CCrypto
public import RxModel

/// The SHA-256 of bytes that come in pieces (FIPS 180-4), by libcrypto. One thread at a time; can be used again after `finish`.
public final class SHA256Hasher {
    private let context: OpaquePointer
    private var started = false

    /// Starts empty.
    public init() { context = EVP_MD_CTX_new()! }

    deinit { EVP_MD_CTX_free(context) }

    /// Takes more bytes.
    public func update(_ bytes: UnsafeRawBufferPointer) {
        start()
        precondition(EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1, "SHA-256 failed")
    }

    /// Forgets the bytes taken so far.
    public func reset() { started = false }

    /// The digest of all bytes taken; the hasher is empty again.
    public func finish() -> Digest {
        start()
        started = false
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { bytes in
            precondition(EVP_DigestFinal_ex(context, bytes.baseAddress, nil) == 1, "SHA-256 failed")
            return Digest(bytes: bytes)!
        }
    }

    private func start() {
        guard !started else { return }
        precondition(EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1, "SHA-256 failed")
        started = true
    }
}

/// The digest of bytes in memory.
public func sha256(_ bytes: [UInt8]) -> Digest { bytes.withUnsafeBytes { sha256($0) } }

/// The digest of bytes in memory.
package func sha256(_ bytes: UnsafeRawBufferPointer) -> Digest {
    let hasher = SHA256Hasher()
    hasher.update(bytes)
    return hasher.finish()
}

/// The tree digest of files. Source: Specs/03-manifest, TRE rules.
public func treeDigest(_ files: some Sequence<ResourceFile>) -> Digest { sha256(treeText(files)) }

extension ResourceManifest {
    /// The manifest of a definition and files, with their tree digest. Throws `ContentError` as `init(definition:files:tree:)` does.
    public init(definition: Definition, files: [ResourceFile]) throws(ContentError) {
        try self.init(definition: definition, files: files, tree: treeDigest(files))
    }

    /// The SHA-256 of the manifest's bytes.
    public var digest: Digest { sha256(bytes) }
}
