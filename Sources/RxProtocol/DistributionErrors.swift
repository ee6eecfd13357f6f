public import RxModel

/// The body of an error beneath `/v2/`: `{"errors":[{"code", "message", "detail"?}]}`. Source: OCI distribution spec v1.1, "Error Codes".
public struct DistributionErrors: Sendable, Equatable {
    /// One error.
    public struct Element: Sendable, Equatable {
        /// What went wrong, for programs.
        public let code: String
        /// What went wrong, for people.
        public let message: String
        /// More about it, of any form.
        public let detail: JSON?

        /// Describes an error.
        public init(code: String, message: String, detail: JSON? = nil) {
            self.code = code
            self.message = message
            self.detail = detail
        }
    }

    /// What went wrong, one thing or several.
    public let errors: [Element]

    /// Makes a body.
    public init(_ errors: [Element]) { self.errors = errors }

    /// The body as JSON.
    public var json: JSON {
        let list = errors.map { error in
            JSON.members(["code": .string(error.code), "message": .string(error.message), "detail": error.detail])
        }
        return .members(["errors": .array(list)])
    }

    /// Reads a body; nil when it is not one, as from a proxy in between.
    public init?(parsing bytes: [UInt8]) {
        guard let list = (try? JSON(parsing: bytes))?["errors"]?.array, !list.isEmpty else { return nil }
        var errors: [Element] = []
        for each in list {
            guard let code = each["code"]?.string else { return nil }
            errors.append(Element(code: code, message: each["message"]?.string ?? "", detail: each["detail"]))
        }
        self.errors = errors
    }
}
