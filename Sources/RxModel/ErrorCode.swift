/// A machine-readable error code: the word on the wire and the HTTP status that goes with it.
///
/// The set is open: a module may add its own. Source: Specs/07-errors.
public struct ErrorCode: Hashable, Sendable, CustomStringConvertible {
    /// The word in an error body's `code`, upper-case with underscores.
    public let wire: String
    /// The HTTP status the registry answers with.
    public let status: Int

    /// Makes a code from its wire word and HTTP status.
    public init(wire: String, status: Int) {
        self.wire = wire
        self.status = status
    }

    /// The wire word.
    public var description: String { wire }

    /// A request names no resource.
    public static let locatorRequired = ErrorCode(wire: "LOCATOR_REQUIRED", status: 400)
    /// A publish has no definition, or not as a file.
    public static let manifestRequired = ErrorCode(wire: "MANIFEST_REQUIRED", status: 400)
    /// A publish or resource has no file.
    public static let contentRequired = ErrorCode(wire: "CONTENT_REQUIRED", status: 400)
    /// A text is not a locator.
    public static let invalidLocator = ErrorCode(wire: "INVALID_LOCATOR", status: 400)
    /// A definition or manifest breaks a rule, or disagrees with the locator.
    public static let invalidManifest = ErrorCode(wire: "INVALID_MANIFEST", status: 400)
    /// An archive, path or file is refused.
    public static let invalidContent = ErrorCode(wire: "INVALID_CONTENT", status: 400)
    /// A definition has no name or no type.
    public static let missingRequiredFields = ErrorCode(wire: "MISSING_REQUIRED_FIELDS", status: 400)
    /// Bytes do not have the digest that was promised.
    public static let digestInvalid = ErrorCode(wire: "DIGEST_INVALID", status: 400)
    /// A query parameter cannot be understood.
    public static let invalidQuery = ErrorCode(wire: "INVALID_QUERY", status: 400)
    /// A request or setting cannot be understood.
    public static let invalidRequest = ErrorCode(wire: "INVALID_REQUEST", status: 400)
    /// Nothing is stored under a locator.
    public static let resourceNotFound = ErrorCode(wire: "RESOURCE_NOT_FOUND", status: 404)
    /// No blob has a digest.
    public static let blobUnknown = ErrorCode(wire: "BLOB_UNKNOWN", status: 404)
    /// Nothing is at a path or has a name.
    public static let notFound = ErrorCode(wire: "NOT_FOUND", status: 404)
    /// A path does not take a method.
    public static let methodNotAllowed = ErrorCode(wire: "METHOD_NOT_ALLOWED", status: 405)
    /// A request did not come in the time that a server waits for it.
    public static let requestTimeout = ErrorCode(wire: "REQUEST_TIMEOUT", status: 408)
    /// A body or file is longer than its limit.
    public static let contentTooLarge = ErrorCode(wire: "CONTENT_TOO_LARGE", status: 413)
    /// A media type or resource type is not known.
    public static let unsupportedType = ErrorCode(wire: "UNSUPPORTED_TYPE", status: 415)
    /// A range lies behind the end.
    public static let rangeNotSatisfiable = ErrorCode(wire: "RANGE_NOT_SATISFIABLE", status: 416)
    /// A request head is longer than its limit.
    public static let headersTooLarge = ErrorCode(wire: "HEADERS_TOO_LARGE", status: 431)
    /// Something went wrong that is not the caller's fault.
    public static let internalError = ErrorCode(wire: "INTERNAL_ERROR", status: 500)
    /// Stored content does not match its digest.
    public static let contentDamaged = ErrorCode(wire: "CONTENT_DAMAGED", status: 500)
    /// A registry does not answer.
    public static let unreachable = ErrorCode(wire: "REGISTRY_UNREACHABLE", status: 502)
    /// A server has no room for more at the moment.
    public static let overloaded = ErrorCode(wire: "OVERLOADED", status: 503)
    /// The disk is full.
    public static let storageFull = ErrorCode(wire: "STORAGE_FULL", status: 507)
    /// A store cannot be opened.
    public static let storeUnusable = ErrorCode(wire: "STORE_UNUSABLE", status: 500)
}
