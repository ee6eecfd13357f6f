/// The family of errors that rx throws: a code for programs, a message for people, and often what to do next.
public protocol ResourceError: Error, Sendable, CustomStringConvertible {
    /// What went wrong, for programs.
    var code: ErrorCode { get }
    /// What was tried and why it failed, for people; one line, no final full stop.
    var message: String { get }
    /// What to do next, when there is something to do.
    var hint: String? { get }
}

extension ResourceError {
    /// Nothing, unless the error has advice of its own.
    public var hint: String? { nil }
    /// The message.
    public var description: String { message }
}

/// A text that is not a locator. Source: Specs/01-locator.
public struct LocatorError: ResourceError, Equatable {
    public let code = ErrorCode.invalidLocator
    public let message: String
    /// The text that was parsed.
    public let locator: String

    /// Makes the error for one text.
    public init(_ message: String, locator: String) {
        self.message = message
        self.locator = locator
    }
}

/// A definition (resource.json) that breaks a rule of Specs/02-definition.
public struct DefinitionError: ResourceError, Equatable {
    public let code: ErrorCode
    public let message: String
    /// The key that is wrong, when it is one key.
    public let field: String?

    /// Makes the error; `field` names the key at fault.
    public init(_ message: String, field: String? = nil, code: ErrorCode = .invalidManifest) {
        self.message = message
        self.field = field
        self.code = code
    }
}

/// A manifest whose bytes are not what Specs/03-manifest asks for.
public struct ManifestError: ResourceError, Equatable {
    public let code = ErrorCode.invalidManifest
    public let message: String

    /// Makes the error.
    public init(_ message: String) { self.message = message }
}

/// Content that is refused or does not match its digest: an archive entry, a file path, a damaged blob.
public struct ContentError: ResourceError, Equatable {
    public let code: ErrorCode
    public let message: String
    public let hint: String?

    /// Makes the error.
    public init(_ message: String, code: ErrorCode = .invalidContent, hint: String? = nil) {
        self.message = message
        self.code = code
        self.hint = hint
    }

    /// Bytes that do not hash to what they were asked by.
    public static func mismatch(expected: Digest, got: Digest) -> ContentError { mismatch(expected: .sha256(expected), got: .sha256(got)) }

    /// Bytes that do not hash to what they were asked by.
    public static func mismatch(expected: ContentDigest, got: ContentDigest) -> ContentError {
        ContentError("Content integrity check failed: expected \(expected), got \(got)", code: .digestInvalid)
    }
}

/// A registry, local or remote, that could not do what it was asked.
public struct RegistryError: ResourceError {
    public let code: ErrorCode
    public let message: String
    public let hint: String?
    /// The error below this one, when there is one.
    public let cause: (any Error)?

    /// Makes the error.
    public init(_ message: String, code: ErrorCode, hint: String? = nil, cause: (any Error)? = nil) {
        self.message = message
        self.code = code
        self.hint = hint
        self.cause = cause
    }

    /// Nothing is stored under this locator.
    public static func notFound(_ locator: String, hint: String? = nil) -> RegistryError {
        RegistryError("Resource not found: \(locator)", code: .resourceNotFound, hint: hint)
    }

    /// No blob has this digest.
    public static func blobNotFound(_ digest: Digest) -> RegistryError { blobNotFound(.sha256(digest)) }

    /// No blob has this digest.
    public static func blobNotFound(_ digest: ContentDigest) -> RegistryError {
        RegistryError("Blob not found: \(digest)", code: .blobUnknown)
    }
}

/// A resource type that is unknown, or a resource that its type cannot read.
public struct ResourceTypeError: ResourceError, Equatable {
    public let code: ErrorCode
    public let message: String

    /// Makes the error.
    public init(_ message: String, code: ErrorCode = .unsupportedType) {
        self.message = message
        self.code = code
    }
}
