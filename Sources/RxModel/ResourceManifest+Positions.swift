extension ResourceManifest {
    /// What the config and the layers of a manifest are, in order, read without the rest of it; nil for a text that is not in the exact
    /// form that rx writes.
    package static func positions(of bytes: [UInt8]) -> [(digest: Digest, size: Int)]? {
        guard let (_, files) = ManifestScanner.scan(bytes) else { return nil }
        return [(emptyConfigDigest, emptyConfig.count)] + files.map { ($0.digest, $0.size) }
    }
}
