import RxHTTP
public import RxModel

extension DistributionClient {
    /// Every tag of a repository. Throws `RegistryError` when there is no such repository.
    public func tags(of repository: String) throws -> [String] { [] }

    /// At most `limit` names of repositories. Throws `RegistryError` (`unsupported`) where the registry does not list them.
    public func repositories(limit: Int) throws -> [String] { [] }

    /// What refers to a manifest, of one type when `artifactType` is given.
    public func referrers(_ repository: String, of digest: ContentDigest, artifactType: String? = nil) throws -> [Descriptor] { [] }
}
