/// Why an answer is not what was asked for. The set is open: a host program may answer conditions of its own.
///
/// Source: Specs/15-loader, LOD-003.
public struct Condition: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The word as it stands in a reply's headers.
    public let rawValue: String

    /// Makes a condition of its word.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// The word.
    public var description: String { rawValue }

    /// Nothing is at the path, or it does not take the method.
    public static let notFound = Condition(rawValue: "not-found")
    /// Something failed while the answer was made.
    public static let error = Condition(rawValue: "error")
    /// The request, or what it leads to, cannot be understood.
    public static let invalid = Condition(rawValue: "invalid")
    /// The caller, or its kit, may not do this.
    public static let forbidden = Condition(rawValue: "forbidden")
    /// It can be read and not changed.
    public static let readOnly = Condition(rawValue: "readonly")
    /// It cannot be had at the moment.
    public static let unavailable = Condition(rawValue: "unavailable")
    /// The caller asks too often.
    public static let rateLimited = Condition(rawValue: "rate-limited")
}
