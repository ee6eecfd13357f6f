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

    public static let locatorRequired = ErrorCode(wire: "LOCATOR_REQUIRED", status: 400)
    public static let manifestRequired = ErrorCode(wire: "MANIFEST_REQUIRED", status: 400)
    public static let contentRequired = ErrorCode(wire: "CONTENT_REQUIRED", status: 400)
    public static let invalidLocator = ErrorCode(wire: "INVALID_LOCATOR", status: 400)
    public static let invalidManifest = ErrorCode(wire: "INVALID_MANIFEST", status: 400)
    public static let invalidContent = ErrorCode(wire: "INVALID_CONTENT", status: 400)
    public static let missingRequiredFields = ErrorCode(wire: "MISSING_REQUIRED_FIELDS", status: 400)
    public static let digestInvalid = ErrorCode(wire: "DIGEST_INVALID", status: 400)
    public static let invalidQuery = ErrorCode(wire: "INVALID_QUERY", status: 400)
    public static let invalidRequest = ErrorCode(wire: "INVALID_REQUEST", status: 400)
    public static let resourceNotFound = ErrorCode(wire: "RESOURCE_NOT_FOUND", status: 404)
    public static let blobUnknown = ErrorCode(wire: "BLOB_UNKNOWN", status: 404)
    public static let notFound = ErrorCode(wire: "NOT_FOUND", status: 404)
    public static let methodNotAllowed = ErrorCode(wire: "METHOD_NOT_ALLOWED", status: 405)
    public static let contentTooLarge = ErrorCode(wire: "CONTENT_TOO_LARGE", status: 413)
    public static let unsupportedType = ErrorCode(wire: "UNSUPPORTED_TYPE", status: 415)
    public static let rangeNotSatisfiable = ErrorCode(wire: "RANGE_NOT_SATISFIABLE", status: 416)
    public static let headersTooLarge = ErrorCode(wire: "HEADERS_TOO_LARGE", status: 431)
    public static let internalError = ErrorCode(wire: "INTERNAL_ERROR", status: 500)
    public static let contentDamaged = ErrorCode(wire: "CONTENT_DAMAGED", status: 500)
    public static let unreachable = ErrorCode(wire: "REGISTRY_UNREACHABLE", status: 502)
    public static let overloaded = ErrorCode(wire: "OVERLOADED", status: 503)
    public static let storageFull = ErrorCode(wire: "STORAGE_FULL", status: 507)
    public static let storeUnusable = ErrorCode(wire: "STORE_UNUSABLE", status: 500)
}
