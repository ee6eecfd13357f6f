import CCurl
import RxHTTP
import RxModel

/// One request under way, as libcurl's callbacks see it.
final class Transfer {
    /// The most bytes of headers that an answer may have, and of a redirect's body that are read.
    static let headLimit = 256 << 10

    /// An error of a sink or source, or a refusal of what came; ends the transfer and is thrown as it is.
    var failure: (any Error)?
    private(set) var watch: StallWatch
    private let url: String
    private let follows: Bool
    private var receive: ((ResponseHead) throws -> any ByteSink)?
    private var sink: (any ByteSink)?
    private var status = 0
    private var headers = HTTPHeaders()
    private var headBytes = 0
    private var headIsWhole = false
    private var passed = 0

    init(url: String, follows: Bool, watch: StallWatch, receive: @escaping (ResponseHead) throws -> any ByteSink) {
        self.url = url
        self.follows = follows
        self.watch = watch
        self.receive = receive
    }

    /// The answer's head; nil while none is whole.
    var head: ResponseHead? { headIsWhole ? ResponseHead(status: status, headers: headers, url: url) : nil }

    /// Where the answer redirects to; nil when it does not, or redirects are not followed.
    var location: String? {
        guard follows, headIsWhole, [301, 302, 303, 307, 308].contains(status) else { return nil }
        return headers.values(of: "Location").first
    }

    /// Whether the rest of a redirect's body was not worth reading.
    private(set) var cutRedirect = false

    /// Chooses the sink when that has not been done; for an answer that redirects there is none.
    func deliver() throws {
        guard sink == nil, let head, location == nil else { return }
        sink = try receive?(head)
    }

    /// Lets go of the caller's closure, which must not outlive the call it was handed to.
    func end() { receive = nil }

    /// Takes one line of a head, with its line end; interim answers (1xx) and trailers are nothing.
    func take(headerLine line: UnsafeRawBufferPointer) throws {
        headBytes += line.count
        guard headBytes <= Transfer.headLimit else { throw HTTPFailure(.interrupted, "its headers are too long") }
        var line = line[...]
        while line.last == 0x0A || line.last == 0x0D { line.removeLast() }
        if line.starts(with: "HTTP/".utf8) {
            let words = line.split(separator: 0x20)
            status = words.count > 1 ? Int(String(decoding: words[1], as: UTF8.self)) ?? 0 : 0
            (headers, headIsWhole) = (HTTPHeaders(), false)
            if status >= 200 { watch.answerBegins() }
        } else if line.isEmpty {
            headIsWhole = status >= 200
        } else if !headIsWhole, let colon = line.firstIndex(of: UInt8(ascii: ":")) {
            let value = String(decoding: line[(colon + 1)...], as: UTF8.self).trimmed
            headers.append(String(decoding: line[..<colon], as: UTF8.self), value)
        }
    }

    /// Takes a piece of the body. Gives false to end the transfer.
    func take(body bytes: UnsafeRawBufferPointer) throws -> Bool {
        try deliver()
        if let sink {
            try watch.excluding { try sink.write(bytes) }
        } else {
            passed += bytes.count
            cutRedirect = passed > Transfer.headLimit
        }
        return !cutRedirect
    }

    /// Reads a piece of what is sent.
    func give(_ source: any ByteSource, _ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let count = try watch.excluding { try source.read(into: buffer) }
        if count == 0 { watch.requestEnds() }
        return count
    }

    /// Called now and then with the bytes moved. Gives false to end the transfer.
    func progress(moved: Int) -> Bool {
        guard let reason = watch.stalled(moved: moved) else { return true }
        failure = failure ?? HTTPFailure(.stalled, reason)
        return false
    }
}
