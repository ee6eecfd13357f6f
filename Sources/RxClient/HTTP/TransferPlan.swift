import CCurl
import Glibc
import RxHTTP
import RxModel

/// What a handle is told for one transfer, and the memory that must outlive it.
final class TransferPlan {
    /// The size of the buffers in both directions.
    private static let bufferSize = 256 << 10
    /// Up to how many bytes a body is sent without asking first.
    private static let promptLimit = 1 << 20

    private let handle: CurlHandle
    private let transfer: Transfer
    private var lines = HeaderList()
    private var form: OpaquePointer?
    private var sources: [Unmanaged<SentStream>] = []

    /// Describes the transfer to `handle`. Throws `HTTPFailure`.
    init(_ request: TransportRequest, _ url: WebURL, _ transfer: Transfer, _ settings: CurlTransport.Settings, _ handle: CurlHandle) throws
    {
        self.handle = handle
        self.transfer = transfer
        try connect(url, settings)
        try watch()
        try send(request)
    }

    deinit { end() }

    /// Gives back what the transfer needed. Call it after the transfer and before the handle is used again.
    func end() {
        if let form { curl_mime_free(form) }
        form = nil
        for source in sources { source.release() }
        sources = []
    }

    private func connect(_ url: WebURL, _ settings: CurlTransport.Settings) throws {
        try handle.set(CURLOPT_URL, url.text)
        // Before 7.85 the newer option does not exist; WebURL has checked the scheme already. 3 is http and https.
        if rx_curl_set_string(handle.raw, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK { try handle.set(CURLOPT_PROTOCOLS, 3) }
        try handle.set(CURLOPT_FOLLOWLOCATION, 0)
        // Without HTTP/2 in the library this is refused, and HTTP/1.1 is what is left.
        _ = rx_curl_set_long(handle.raw, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_2TLS))
        try handle.set(CURLOPT_NOSIGNAL, 1)
        try handle.set(CURLOPT_CONNECTTIMEOUT, settings.connectSeconds)
        try handle.set(CURLOPT_TCP_KEEPALIVE, 1)
        try handle.set(CURLOPT_USERAGENT, settings.userAgent)
        try handle.set(CURLOPT_BUFFERSIZE, TransferPlan.bufferSize)
        try handle.set(CURLOPT_UPLOAD_BUFFERSIZE, TransferPlan.bufferSize)
        try handle.set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        if url.isLoopback { try handle.set(CURLOPT_NOPROXY, "*") }
        if let file = settings.certificates { try handle.set(CURLOPT_CAINFO, file) }
    }

    private func watch() throws {
        let context = Unmanaged.passUnretained(transfer).toOpaque()
        try handle.set(CURLOPT_HEADERFUNCTION, takeHeaderLine)
        try handle.set(CURLOPT_HEADERDATA, context)
        try handle.set(CURLOPT_WRITEFUNCTION, takeBody)
        try handle.set(CURLOPT_WRITEDATA, context)
        try handle.check(rx_curl_set_progress(handle.raw, takeProgress))
        try handle.set(CURLOPT_XFERINFODATA, context)
        try handle.set(CURLOPT_NOPROGRESS, 0)
    }

    private func send(_ request: TransportRequest) throws {
        var headers = request.headers
        switch request.body {
        case .none:
            switch request.method {
            case "GET": try handle.set(CURLOPT_HTTPGET, 1)
            case "HEAD": try handle.set(CURLOPT_NOBODY, 1)
            case "POST", "PUT", "PATCH": try upload(BytesSource([]), length: 0, as: request.method)
            default: try handle.set(CURLOPT_CUSTOMREQUEST, request.method)
            }
        case .bytes(let bytes, let type):
            headers["Content-Type"] = type
            try upload(BytesSource(bytes), replay: bytes, length: bytes.count, as: request.method)
        case .stream(let source, let length, let type):
            headers["Content-Type"] = type
            try upload(source, length: length, as: request.method)
        case .form(let parts):
            headers["Content-Type"] = nil
            try self.parts(parts)
        }
        for field in headers.fields {
            guard !(field.name + field.value).utf8.contains(where: { $0 < 0x20 && $0 != 0x09 || $0 == 0x7F }) else {
                throw RegistryError("The header \(field.name) holds a control character", code: .invalidRequest)
            }
            // libcurl takes "Name:" as "do not send it"; a name with an empty value is written with ";".
            lines.append(field.value.isEmpty ? "\(field.name);" : "\(field.name): \(field.value)")
        }
        try handle.set(CURLOPT_HTTPHEADER, lines.raw)
    }

    private func upload(_ source: any ByteSource, replay: [UInt8]? = nil, length: Int?, as method: String) throws {
        try handle.set(CURLOPT_UPLOAD, 1)
        try handle.set(CURLOPT_CUSTOMREQUEST, method)
        try handle.set(CURLOPT_INFILESIZE_LARGE, offset: length ?? -1)
        // Waiting for "100 Continue" pays only where a refusal saves a long upload.
        if let length, length <= TransferPlan.promptLimit { lines.append("Expect:") }
        let context = hold(source, replay: replay)
        try handle.set(CURLOPT_READFUNCTION, giveBody)
        try handle.set(CURLOPT_READDATA, context)
        if replay != nil {
            try handle.check(rx_curl_set_seek(handle.raw, rewindBody))
            try handle.set(CURLOPT_SEEKDATA, context)
        }
    }

    private func parts(_ parts: [FormPart]) throws {
        guard let form = curl_mime_init(handle.raw) else { throw HTTPFailure(.interrupted, "out of memory") }
        self.form = form
        for part in parts {
            guard let handlePart = curl_mime_addpart(form) else { throw HTTPFailure(.interrupted, "out of memory") }
            try handle.check(curl_mime_name(handlePart, part.field))
            switch part.content {
            case .text(let text): try data(Array(text.utf8), handlePart)
            case .file(let bytes, let name, let type):
                try data(bytes, handlePart)
                try file(name, type, handlePart)
            case .stream(let source, let length, let name, let type):
                let context = hold(source, replay: nil)
                try handle.check(curl_mime_data_cb(handlePart, curl_off_t(length ?? -1), giveBody, nil, nil, context))
                try file(name, type, handlePart)
            }
        }
        try handle.set(CURLOPT_MIMEPOST, UnsafeMutableRawPointer(form))
    }

    private func data(_ bytes: [UInt8], _ part: OpaquePointer) throws {
        try bytes.withUnsafeBytes { raw in
            try handle.check(curl_mime_data(part, raw.baseAddress?.assumingMemoryBound(to: CChar.self), raw.count))
        }
    }

    private func file(_ name: String, _ type: String, _ part: OpaquePointer) throws {
        try handle.check(curl_mime_filename(part, name))
        try handle.check(curl_mime_type(part, type))
    }

    private func hold(_ source: any ByteSource, replay: [UInt8]?) -> UnsafeMutableRawPointer {
        let held = Unmanaged.passRetained(SentStream(source, transfer, replay: replay))
        sources.append(held)
        return held.toOpaque()
    }
}

/// A stream that libcurl reads from.
private final class SentStream {
    var source: any ByteSource
    let transfer: Transfer
    let replay: [UInt8]?

    init(_ source: any ByteSource, _ transfer: Transfer, replay: [UInt8]?) {
        self.source = source
        self.transfer = transfer
        self.replay = replay
    }
}

private func takeHeaderLine(_ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?) -> Int {
    let transfer = Unmanaged<Transfer>.fromOpaque(context!).takeUnretainedValue()
    do {
        try transfer.take(headerLine: UnsafeRawBufferPointer(start: bytes, count: size * count))
        return size * count
    } catch {
        transfer.failure = error
        return -1
    }
}

private func takeBody(_ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?) -> Int {
    let transfer = Unmanaged<Transfer>.fromOpaque(context!).takeUnretainedValue()
    do {
        return try transfer.take(body: UnsafeRawBufferPointer(start: bytes, count: size * count)) ? size * count : -1
    } catch {
        transfer.failure = error
        return -1
    }
}

private func giveBody(_ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?) -> Int {
    let stream = Unmanaged<SentStream>.fromOpaque(context!).takeUnretainedValue()
    do {
        return try stream.transfer.give(stream.source, UnsafeMutableRawBufferPointer(start: bytes, count: size * count))
    } catch {
        stream.transfer.failure = error
        return Int(CURL_READFUNC_ABORT)
    }
}

/// Goes back to the start: a kept connection was closed by the server before it took the request, so it is sent again.
private func rewindBody(_ context: UnsafeMutableRawPointer?, _ offset: curl_off_t, _ origin: Int32) -> Int32 {
    let stream = Unmanaged<SentStream>.fromOpaque(context!).takeUnretainedValue()
    guard origin == SEEK_SET, offset >= 0, let bytes = stream.replay, offset <= bytes.count else { return CURL_SEEKFUNC_CANTSEEK }
    stream.source = BytesSource(Array(bytes[Int(offset)...]))
    return CURL_SEEKFUNC_OK
}

private func takeProgress(
    _ context: UnsafeMutableRawPointer?, _ toReceive: curl_off_t, _ received: curl_off_t, _ toSend: curl_off_t, _ sent: curl_off_t
) -> Int32 {
    let transfer = Unmanaged<Transfer>.fromOpaque(context!).takeUnretainedValue()
    return transfer.progress(moved: Int(received) + Int(sent)) ? 0 : 1
}
