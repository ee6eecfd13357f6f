public import RxModel

extension ErrorCode {
    /// A registry's answer that is not what the interface promises.
    public static let invalidAnswer = ErrorCode(wire: "INVALID_ANSWER", status: 502)
}

/// The body of every answer that is an error: `{"error", "code", "hint"?}`. Source: Specs/07-errors.
public struct ErrorBody: Sendable, Equatable {
    /// What went wrong, for people.
    public let error: String
    /// What went wrong, for programs.
    public let code: String
    /// What to do about it.
    public let hint: String?

    /// Makes a body.
    public init(error: String, code: String, hint: String? = nil) {
        self.error = error
        self.code = code
        self.hint = hint
    }

    /// Describes an error.
    public init(_ error: some ResourceError) { self.init(error: error.message, code: error.code.wire, hint: error.hint) }

    /// The body as JSON.
    public var json: JSON { .members(["error": .string(error), "code": .string(code), "hint": hint.map { .string($0) }]) }

    /// Reads a body; nil when it is not one, as from a proxy in between.
    public init?(parsing bytes: [UInt8]) {
        guard let json = try? JSON(parsing: bytes), let error = json["error"]?.string else { return nil }
        self.init(error: error, code: json["code"]?.string ?? ErrorCode.invalidAnswer.wire, hint: json["hint"]?.string)
    }

    /// The error that a client throws for this body under an HTTP status.
    public func failure(status: Int) -> RegistryError { RegistryError(error, code: ErrorCode(wire: code, status: status), hint: hint) }
}

/// Reads the members of an answer. What is absent or of the wrong kind is named in the error.
struct Answer {
    let json: JSON
    let what: String

    init(_ json: JSON, _ what: String) throws(RegistryError) {
        guard json.object != nil else { throw Answer.fail("the registry's \(what) is not a JSON object") }
        self.json = json
        self.what = what
    }

    init(parsing bytes: [UInt8], _ what: String) throws(RegistryError) {
        do { try self.init(JSON(parsing: bytes), what) } catch let error as RegistryError { throw error } catch {
            throw Answer.fail("the registry's \(what) is not JSON: \(error)")
        }
    }

    func string(_ key: String) throws(RegistryError) -> String { try take(key, "text", json[key]?.string) }

    func int(_ key: String) throws(RegistryError) -> Int {
        let value = try take(key, "a whole number", json[key]?.int)
        guard value >= 0 else { throw fault(key, "a whole number of 0 or more") }
        return value
    }

    func array(_ key: String) throws(RegistryError) -> [JSON] { try take(key, "an array", json[key]?.array) }

    func digest(_ key: String) throws(RegistryError) -> Digest { try take(key, "a digest", json[key]?.string.flatMap { Digest($0) }) }

    func time(_ key: String) throws(RegistryError) -> Int { try take(key, "a time", json[key]?.string.flatMap { Timestamp.seconds($0) }) }

    func locator(_ key: String) throws(RegistryError) -> Locator {
        let locator = try? Locator(parsing: string(key))
        return try take(key, "a locator", locator).at(registry: nil)
    }

    /// Nil when the key is absent or null; an error when it is of another kind.
    func optionalString(_ key: String) throws(RegistryError) -> String? {
        guard let value = json[key], value != .null else { return nil }
        return try take(key, "text", value.string)
    }

    func fault(_ key: String, _ kind: String) -> RegistryError { Answer.fail("the registry's \(what) has no \"\(key)\" that is \(kind)") }

    static func fail(_ message: String, cause: (any Error)? = nil) -> RegistryError {
        RegistryError(message, code: .invalidAnswer, hint: "check that the URL is an rx registry's", cause: cause)
    }

    private func take<Value>(_ key: String, _ kind: String, _ value: Value?) throws(RegistryError) -> Value {
        guard let value else { throw fault(key, kind) }
        return value
    }
}
