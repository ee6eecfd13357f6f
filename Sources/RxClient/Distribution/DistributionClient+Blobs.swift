import RxHTTP
public import RxModel

extension DistributionClient {
    /// Whether the repository has a blob.
    public func holds(_ blob: Descriptor, in repository: String) throws -> Bool { false }

    /// Writes a blob's bytes, all of them, to `sink`; goes on where it stopped when the connection is lost. The caller verifies the
    /// digest. Throws `RegistryError` "Blob not found" when there is none, `ContentError` when its length is another one.
    public func fetch(_ blob: Descriptor, from repository: String, into sink: any ByteSink) throws {}
}
