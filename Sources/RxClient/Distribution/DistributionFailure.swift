import RxModel
import RxProtocol

/// What an answer that is an error says. Source: OCI distribution spec v1.1, "Error Codes".
struct DistributionFailure: Equatable {
    /// The first error's code; nil when the body is not the protocol's.
    var code: String?
    /// The messages of all errors, fit to be shown.
    var message: String
    /// The most characters of a registry's words that are shown.
    private static let messageLimit = 500

    /// Reads `{"errors":[{"code","message","detail"}]}`, or rx's `{"error","code"}`; of another body nothing.
    init(parsing body: [UInt8]) {
        let json = try? JSON(parsing: body)
        let errors = json?["errors"]?.array ?? []
        if let first = errors.first {
            code = first["code"]?.string.map(DistributionFailure.shown)
            message = DistributionFailure.shown(errors.prefix(10).compactMap(DistributionFailure.words).joined(separator: "; "))
        } else {
            code = json?["code"]?.string.map(DistributionFailure.shown)
            message = DistributionFailure.shown(json?["error"]?.string ?? "")
        }
    }

    private static func words(_ error: JSON) -> String? {
        let message = error["message"]?.string ?? error["code"]?.string
        guard let detail = error["detail"]?.string, !detail.isEmpty, detail != message else { return message }
        return [message, detail].compactMap { $0 }.joined(separator: ": ")
    }

    /// A registry's text in one line without control characters, of bounded length.
    static func shown(_ text: String) -> String {
        let scalars = text.unicodeScalars.prefix(messageLimit).map { scalar -> Unicode.Scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: " "
            default: scalar
            }
        }
        return String(String.UnicodeScalarView(scalars)).trimmingSpaces
    }

    /// The error for an answer with this body; `what` was tried at `host`.
    func error(status: Int, host: String, authority: String, what: String) -> RegistryError {
        let words = message.isEmpty ? code ?? "" : message
        let reason = words.isEmpty ? "" : ": \(words)"
        let code = ErrorCode(wire: code ?? DistributionFailure.code(status).wire, status: status)
        switch status {
        case 401:
            return RegistryError("\(host) refused to \(what) without authentication\(reason)", code: code, hint: "rx login \(authority)")
        case 403:
            return RegistryError(
                "\(host) refused to \(what)\(reason.isEmpty ? ": access denied" : reason)", code: code,
                hint: "to be another user: rx login \(authority)")
        case 400, 404, 405..<429, 430..<500:
            return RegistryError("\(host) refused to \(what)\(reason.isEmpty ? ": it answered \(status)" : reason)", code: code)
        default:
            return RegistryError(
                "\(host) answered \(status) when asked to \(what)\(reason)", code: code,
                hint: status >= 500 || status == 429 ? "try again later" : "check that the address is a registry's")
        }
    }

    private static func code(_ status: Int) -> ErrorCode {
        switch status {
        case 401: .unauthorized
        case 403: .denied
        case 404: .notFound
        case 405: .unsupported
        case 413: .contentTooLarge
        case 416: .rangeNotSatisfiable
        case 429, 503: .overloaded
        default: .invalidAnswer
        }
    }
}

extension String {
    /// The text without spaces at its ends.
    fileprivate var trimmingSpaces: String {
        guard let start = utf8.firstIndex(where: { $0 != 0x20 }), let end = utf8.lastIndex(where: { $0 != 0x20 }) else { return "" }
        return String(self[start...end])
    }
}
