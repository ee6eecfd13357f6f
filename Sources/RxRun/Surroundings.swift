import Glibc
import RxCrypto
import RxModel
import RxPosix

/// What else decides which registry is reached, and how: the home's configuration, and variables of the environment.
///
/// Source: Specs/17-run, RUN-062.
package enum Surroundings {
    /// What the transport takes from the environment: https://curl.se/libcurl/c/libcurl-env.html
    private static let variables = [
        "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR",
        "CURL_CA_BUNDLE",
    ]
    /// The longest configuration that is looked at, in bytes.
    private static let limit = 16 << 20

    /// The SHA-256 of all of it, which tells nobody what it is.
    package static func digest(home: String, _ variable: (String) -> String?) -> String {
        let values = variables.map { "\($0)=\(variable($0) ?? "")\0" }.joined()
        let configuration = (try? Files.read("\(home)/config.json", limit: limit)) ?? []
        return sha256(Array(values.utf8) + configuration).hex
    }
}
