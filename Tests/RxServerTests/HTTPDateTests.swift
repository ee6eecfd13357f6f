import RxHTTP
import Testing

@Suite struct HTTPDateTests {
    @Test(arguments: [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777), ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
        ("Sun Nov  6 08:49:37 1994", 784_111_777), ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("Tue, 29 Feb 2000 23:59:59 GMT", 951_868_799),
        ("Fri, 01 Mar 2024 00:00:00 GMT", 1_709_251_200), ("Wednesday, 01-Jan-30 00:00:00 GMT", 1_893_456_000),
    ]) func `all three forms are read`(_ text: String, _ seconds: Int) {
        #expect(HTTPDate.seconds(text, now: 1_760_000_000) == seconds)
    }

    @Test(arguments: [
        "", "120", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 32 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Now 1994 08:49:37 GMT", "Sun, 06 Nov 94x 08:49:37 GMT", "Sun, 06 Nov 1994 08:49 GMT", "Sun, -6 Nov 1994 08:49:37 GMT",
    ]) func `what is no date is none`(_ text: String) {
        #expect(HTTPDate.seconds(text, now: 1_760_000_000) == nil)
    }
}
