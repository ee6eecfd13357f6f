import CMicroHTTPD
import Glibc
import RxHTTP
import RxModel

/// The header fields of a request as the library read them, and whether any other program would have read the same.
///
/// The library takes a NUL for a value's end, joins folded lines, and allows anything in names (0.9.75). It writes NULs into the head in
/// place of line ends, so that in a head without such things each line begins where the one before ended. Source: RFC 9112, section 5.
struct RequestHead {
    /// Every field line, in order.
    private(set) var headers: [HTTPHeaders.Field] = []
    private var problem: String?
    /// Where the last line ended; nil when the library is not one whose memory is known.
    private var end: UInt?

    /// Reads the fields of a connection's request, whose request line begins at `method` and ends with `version`.
    init(_ connection: OpaquePointer, method: UnsafePointer<CChar>, version: UnsafePointer<CChar>) {
        headers.reserveCapacity(8)
        let inPlace = rx_mhd_parses_in_place() != 0
        if inPlace { end = UInt(bitPattern: version) + UInt(strlen(version)) }
        withUnsafeMutablePointer(to: &self) { head in
            rx_mhd_each_header(connection, head) { context, _, name, nameSize, value, valueSize in
                let head = context!.assumingMemoryBound(to: RequestHead.self)
                head.pointee.add(
                    UnsafeRawBufferPointer(start: name, count: name == nil ? 0 : nameSize),
                    UnsafeRawBufferPointer(start: value, count: value == nil ? 0 : valueSize))
                return 1
            }
        }
        // The last line's end and the empty line.
        let size = UInt(rx_mhd_head_size(connection))
        if inPlace, let end, !(2...4).contains((UInt(bitPattern: method) &+ size) &- end) { found(RequestHead.hidden) }
    }

    /// Throws `RegistryError` when two programs could read the head differently.
    func check() throws(RegistryError) {
        if let problem { throw RegistryError(problem, code: .invalidRequest) }
    }

    private static let hidden = "the request's head has a NUL or a folded line"

    private mutating func add(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        if name.isEmpty || !name.allSatisfy(RequestHead.isTokenByte) {
            found("a header field has a name that is not a token")
        } else if !value.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) {
            found("a header field has a control character in its value")
        }
        headers.append(HTTPHeaders.Field(String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self)))
        guard let last = end else { return }
        // One NUL for a line feed, two with a carriage return.
        guard let start = name.baseAddress, let text = value.baseAddress, (1...2).contains(UInt(bitPattern: start) &- last) else {
            end = nil
            return found(RequestHead.hidden)
        }
        let colon = start + name.count
        guard text > colon, UnsafeRawBufferPointer(start: colon + 1, count: text - colon - 1).allSatisfy({ $0 == 0x20 || $0 == 0x09 })
        else {
            end = nil
            return found(RequestHead.hidden)
        }
        end = UInt(bitPattern: text) + UInt(value.count)
    }

    private mutating func found(_ problem: String) { if self.problem == nil { self.problem = problem } }

    /// RFC 9110, section 5.6.2: tchar.
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        byte.isASCIIAlphanumeric || byte == UInt8(ascii: "-") || "!#$%&'*+.^_`|~".utf8.contains(byte)
    }
}
