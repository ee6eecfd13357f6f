import RxModel
import Testing

/// RFC 3986, sections 2.1 and 2.3.
@Suite struct PercentEncodingTests {
    @Test func `escapes every byte but the unreserved ones, in upper-case digits`() {
        for value in UInt8.min..<0x80 {
            let text = String(UnicodeScalar(value))
            let isUnreserved = text.wholeMatch(of: /[A-Za-z0-9._~-]/) != nil
            let digits = String(value, radix: 16, uppercase: true)
            let escaped = value < 16 ? "%0\(digits)" : "%\(digits)"
            #expect(PercentEncoding.encode(text) == (isUnreserved ? text : escaped))
        }
        #expect(PercentEncoding.encode("ä/€") == "%C3%A4%2F%E2%82%AC")
    }

    @Test func `keeps what it is told to`() { #expect(PercentEncoding.encode("a/b:c@d", keeping: "/@") == "a/b%3Ac@d") }

    @Test(arguments: ["", "plain", "a b%c", "ä/€", "\u{0}\r\n"]) func `is read back`(text: String) {
        #expect(PercentEncoding.decode(PercentEncoding.encode(text)) == text)
    }

    @Test func `is read in digits of either case, once`() { #expect(PercentEncoding.decode("%c3%A4%252f") == "ä%2f") }

    @Test(arguments: ["%", "%4", "%zz", "a%g0", "%ff", "%c0%af"]) func `is nothing when it is broken`(text: String) {
        #expect(PercentEncoding.decode(text) == nil)
    }
}
