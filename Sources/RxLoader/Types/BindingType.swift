import RxModel

/// A type that a loader binds to a resource of its own, with routes and writings of its own kind. Source: Specs/15-loader, LOD-034.
public protocol BindingType: ResourceType {
    /// The resource that answers for these files. What blocks runs on `disk`. Throws a `ResourceError` for files that cannot be bound.
    func bind(_ content: ManifestContent, disk: BlockingWork) throws -> any Resource
}
