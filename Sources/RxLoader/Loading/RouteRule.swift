public import RxModel

/// How a loader reads a path: which route it means, and which resource the route is. Source: Specs/15-loader, LOD-030.
public struct RouteRule: Sendable {
    let split: @Sendable (Headers) -> (name: String, inner: Headers)?
    let locator: @Sendable (String) throws -> Locator?

    /// Reads paths by two functions of the host program. `split` gives the route's name and the headers that the bound resource gets, nil
    /// for a request that is no route of this loader; it is called for every request. `locator` is called when nothing is bound under a
    /// name, and gives nil for a name that is not to be looked for.
    public init(
        split: @escaping @Sendable (Headers) -> (name: String, inner: Headers)? = RouteRule.firstSegment,
        locator: @escaping @Sendable (String) throws -> Locator?
    ) {
        self.split = split
        self.locator = locator
    }

    /// The first segment is the route's name, its percent escapes decoded, and the name is the locator: `/hello:1.0/x` is `x` in
    /// `hello:1.0`, and `/acme%2Ftools` is `acme/tools`.
    public static let standard = RouteRule { name in try Locator(parsing: name) }

    /// The first segment as the name; nil for the root.
    public static let firstSegment: @Sendable (Headers) -> (name: String, inner: Headers)? = { headers in
        let (segment, rest) = RoutePath.split(headers.path)
        guard !segment.isEmpty else { return nil }
        var inner = headers
        inner.path = rest
        return (segment, inner)
    }
}
