package import RxHTTP
package import RxModel
import RxProtocol
import RxStore

/// How the answers of one part of the interface look: what its errors are written as, and what every answer has.
package enum Face: Sendable {
    /// `/api/v1` and what is beside it.
    case api
    /// `/v2/`.
    case distribution

    /// The face that a path, as it was sent, belongs to.
    package init(path: String) { self = DistributionPath.covers(path) ? .distribution : .api }

    /// What every answer has.
    package var headers: HTTPHeaders {
        switch self {
        case .api: [TransferWire.header: TransferWire.version]
        case .distribution: ["Docker-Distribution-API-Version": "registry/2.0"]
        }
    }

    /// The answer to an error: its code's status and the body that the face gives errors.
    package func failure(_ error: any ResourceError, headers: HTTPHeaders = HTTPHeaders()) -> HTTPResponse {
        var headers = headers
        if error.code == .overloaded { headers["Retry-After"] = "1" }
        switch self {
        case .api:
            return .json(error.code.status, ErrorBody(error: error.message, code: error.code.wire, hint: error.hint).json, headers: headers)
        case .distribution:
            return .json(error.code.status, Face.errors(error).json, headers: headers)
        }
    }

    private static func errors(_ error: any ResourceError) -> DistributionErrors {
        let message = error.hint.map { "\(error.message); \($0)" } ?? error.message
        guard let missing = error as? MissingContentError else {
            return DistributionErrors([DistributionErrors.Element(code: word(error.code), message: message)])
        }
        return DistributionErrors(
            missing.digests.prefix(mostErrors).map { digest in
                DistributionErrors.Element(
                    code: missing.code.wire, message: "\(digest) is not in repository \(missing.repository)",
                    detail: .members(["digest": .string(digest.description)]))
            })
    }

    /// How many errors one answer lists.
    private static let mostErrors = 100

    /// The word that the distribution specification has for a code. Source: Specs/11-distribution, OCI-131.
    private static func word(_ code: ErrorCode) -> String {
        switch code {
        case .contentTooLarge, .rangeNotSatisfiable: ErrorCode.sizeInvalid.wire
        case .invalidQuery, .invalidRequest, .methodNotAllowed, .headersTooLarge: ErrorCode.unsupported.wire
        case .notFound: ErrorCode.nameUnknown.wire
        case .invalidManifest: ErrorCode.manifestInvalid.wire
        default: code.wire
        }
    }
}
