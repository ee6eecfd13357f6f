import RxHTTP
import RxModel
import RxProtocol

/// What a server says of where it is.
enum RegistryHost {
    /// Whether a listening host is reached from this machine only.
    static func isLoopback(_ host: String) -> Bool { RegistryURL.isLoopback(host.lowercased()) }

    /// A configured public URL in its one form. Throws `RegistryError`.
    static func url(_ text: String) throws(RegistryError) -> String { try RegistryURL(parsing: text).description }

    /// The API's URL: under the configured public one, else under the host that the client asked.
    static func api(publicURL: String?, request: HTTPRequest) -> String? {
        if let publicURL { return publicURL + Route.api }
        guard let host = request.headers["Host"], let url = try? RegistryURL(parsing: "http://\(host)"), url.base.isEmpty else {
            return nil
        }
        return url.description + Route.api
    }
}
