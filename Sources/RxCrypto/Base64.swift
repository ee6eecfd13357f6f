import CCrypto

/// Base64 with padding (RFC 4648, section 4), by libcrypto.
public enum Base64 {
    /// The text of some bytes, in one line.
    public static func encode(_ bytes: [UInt8]) -> String {
        guard !bytes.isEmpty else { return "" }
        let capacity = (bytes.count + 2) / 3 * 4 + 1
        return String(unsafeUninitializedCapacity: capacity) { text in
            Int(EVP_EncodeBlock(text.baseAddress, bytes, Int32(bytes.count)))
        }
    }

    /// The bytes of a text; nil for what is not base64 of whole groups.
    public static func decode(_ text: String) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard !digits.isEmpty else { return [] }
        guard digits.count % 4 == 0, digits.count < Int(Int32.max) else { return nil }
        let padding = digits.suffix(2).reversed().prefix { $0 == UInt8(ascii: "=") }.count
        // The library forgives white space and padding in the middle.
        guard digits.dropLast(padding).allSatisfy(isDigit) else { return nil }
        let count = digits.count / 4 * 3
        var failed = false
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            failed = EVP_DecodeBlock(buffer.baseAddress, digits, Int32(digits.count)) < 0
            initialized = failed ? 0 : count - padding
        }
        return failed ? nil : bytes
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "+"), UInt8(ascii: "/"):
            true
        default: false
        }
    }
}
