import RxHTTP
public import RxModel

extension DistributionClient {
    /// Gives the repository a blob: mounted from the repository `source` of the same registry when it has it, else sent. `open` gives
    /// the bytes from their start; it is called again when they must be sent again.
    public func push(_ blob: Descriptor, to repository: String, mountFrom source: String? = nil, open: () throws -> any ByteSource) throws {}
}
