import CCurl
import Glibc
import RxPosix

/// The one owner of an easy handle of libcurl, with the connections it keeps. One thread at a time.
final class CurlHandle: @unchecked Sendable {
    private static let ready: Bool = curl_global_init(Int(CURL_GLOBAL_SSL)) == CURLE_OK

    /// Loads the library, unless it is there.
    static func prepare() { _ = ready }

    let raw: UnsafeMutableRawPointer
    /// Where it has been.
    var origins: Set<String> = []
    private let words = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))

    /// Throws `HTTPFailure` when libcurl cannot start.
    init() throws(HTTPFailure) {
        guard CurlHandle.ready, let raw = curl_easy_init() else {
            words.deallocate()
            throw HTTPFailure(.interrupted, "libcurl cannot start")
        }
        self.raw = raw
    }

    deinit {
        curl_easy_cleanup(raw)
        words.deallocate()
    }

    /// Forgets every option; connections stay.
    func reset() throws(HTTPFailure) {
        curl_easy_reset(raw)
        words.pointee = 0
        try check(rx_curl_set_pointer(raw, CURLOPT_ERRORBUFFER, words))
    }

    func set(_ option: CURLoption, _ value: Int) throws(HTTPFailure) { try check(rx_curl_set_long(raw, option, value)) }
    func set(_ option: CURLoption, offset value: Int) throws(HTTPFailure) { try check(rx_curl_set_offset(raw, option, curl_off_t(value))) }
    func set(_ option: CURLoption, _ value: String) throws(HTTPFailure) { try check(rx_curl_set_string(raw, option, value)) }
    func set(_ option: CURLoption, _ value: UnsafeMutableRawPointer?) throws(HTTPFailure) {
        try check(rx_curl_set_pointer(raw, option, value))
    }
    func set(_ option: CURLoption, _ callback: @escaping CurlData) throws(HTTPFailure) {
        try check(rx_curl_set_data(raw, option, callback))
    }

    /// Runs the transfer that was described; gives libcurl's code.
    func perform() -> CURLcode { curl_easy_perform(raw) }

    /// What libcurl says of a code, with the words it left for this transfer.
    func failure(_ code: CURLcode) -> HTTPFailure { HTTPFailure(code, detail: String(cString: words)) }

    func check(_ code: CURLcode) throws(HTTPFailure) { if code != CURLE_OK { throw failure(code) } }
}

/// A callback that takes or gives bytes.
typealias CurlData = @convention(c) (UnsafeMutablePointer<CChar>?, Int, Int, UnsafeMutableRawPointer?) -> Int

/// The one owner of a list of header lines.
struct HeaderList: ~Copyable {
    private(set) var raw: UnsafeMutablePointer<curl_slist>?

    mutating func append(_ line: String) { if let longer = curl_slist_append(raw, line) { raw = longer } }

    deinit { curl_slist_free_all(raw) }
}
