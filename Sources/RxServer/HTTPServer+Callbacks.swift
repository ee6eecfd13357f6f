import CMicroHTTPD
import Glibc
import RxHTTP
import RxPosix
import Synchronization

// What libmicrohttpd calls, each on the event thread of its connection.

private func server(_ context: UnsafeMutableRawPointer?) -> HTTPServer {
    Unmanaged<HTTPServer>.fromOpaque(context!).takeUnretainedValue()
}

private func exchange(_ request: UnsafeMutableRawPointer?) -> Exchange? {
    request.map { Unmanaged<Exchange>.fromOpaque($0).takeUnretainedValue() }
}

private func client(_ connection: OpaquePointer?) -> ClientConnection? {
    rx_mhd_state(connection!)?.pointee.map { Unmanaged<ClientConnection>.fromOpaque($0).takeUnretainedValue() }
}

/// A request line was read: the request begins.
func targetSeen(_ context: UnsafeMutableRawPointer?, _ target: UnsafePointer<CChar>?, _ connection: OpaquePointer?)
    -> UnsafeMutableRawPointer?
{
    // Without it nobody would hold the exchange.
    guard let client = client(connection) else { return nil }
    // The library reports no end of a request that it could not even read.
    client.end(.error)
    let exchange = Exchange(server(context), connection!, target, client)
    client.current = exchange
    if let target { rx_mhd_forget_query(target) }
    return Unmanaged.passUnretained(exchange).toOpaque()
}

/// The head of a request, a part of its body, its end, or the resumption after work: gives 0 to close the connection.
func handleRequest(
    _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?, _ url: UnsafePointer<CChar>?, _ method: UnsafePointer<CChar>?,
    _ version: UnsafePointer<CChar>?, _ upload: UnsafePointer<CChar>?, _ count: UnsafeMutablePointer<Int>?,
    _ request: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> Int32 {
    guard let exchange = exchange(request?.pointee) else { return 0 }
    if let upload, let count, count.pointee > 0 {
        let bytes = UnsafeRawBufferPointer(start: upload, count: count.pointee)
        let taken = exchange.bodyCame(bytes)
        count.pointee -= taken ?? 0
        return taken == nil ? 0 : 1
    }
    return exchange.proceed(method: method!, version: version!) ? 1 : 0
}

/// A request is over, whichever way.
func requestOver(
    _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?, _ request: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
    _ cause: Int32
) {
    request?.pointee = nil
    client(connection)?.end(Exchange.End(rawValue: cause) ?? .error)
}

/// A connection began or ended.
func connectionChanged(
    _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?, _ state: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
    _ closed: Int32
) {
    let server = server(context)
    if closed == 0 {
        let count = server.connections.wrappingAdd(1, ordering: .relaxed).newValue
        let overLimit = count > server.connectionLimit
        let client = ClientConnection(remote: addressText(rx_mhd_client(connection!)), overLimit: overLimit)
        state?.pointee = Unmanaged.passRetained(client).toOpaque()
        // It is taken in to be told so, not to sit in the place of another.
        if overLimit { rx_mhd_limit_idle(connection, 1) }
        if SecureProbe.refuse(rx_mhd_socket(connection)) { server.logRefusal() }
    } else {
        server.connections.wrappingSubtract(1, ordering: .relaxed)
        guard let taken = state?.pointee else { return }
        state?.pointee = nil
        let client = Unmanaged<ClientConnection>.fromOpaque(taken).takeRetainedValue()
        client.end(.error)
    }
}

/// What is known of a connection for as long as it lasts. Lives on the connection's event thread.
final class ClientConnection: @unchecked Sendable {
    let remote: String
    /// Whether it came when there were already as many as may be.
    let overLimit: Bool
    /// The request that is under way: held here, because the library does not report the end of every one.
    var current: Exchange?

    init(remote: String, overLimit: Bool) {
        self.remote = remote
        self.overLimit = overLimit
    }

    /// Ends the request that is under way, if one is.
    func end(_ cause: Exchange.End) {
        guard let exchange = current else { return }
        current = nil
        exchange.over(cause)
    }
}

/// The text of a socket address, without its port.
private func addressText(_ address: UnsafePointer<sockaddr>?) -> String {
    guard let address else { return "" }
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    let length = address.pointee.sa_family == AF_INET6 ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size
    guard getnameinfo(address, socklen_t(length), &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0 else { return "" }
    return text.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
}
