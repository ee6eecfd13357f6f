import RxHTTP
import RxModel
import Testing

@Suite struct `Registry URLs` {
    @Test(arguments: [
        ("localhost", "http://localhost"), ("localhost:3000", "http://localhost:3000"), ("LOCALHOST:3000", "http://localhost:3000"),
        ("127.0.0.1", "http://127.0.0.1"), ("127.9.8.7:1", "http://127.9.8.7:1"), ("[::1]:3000", "http://[::1]:3000"),
        ("https://localhost", "https://localhost"), ("http://example.com", "http://example.com"), ("example.com", "https://example.com"),
        ("example.com:8443", "https://example.com:8443"), ("127.0.0.1.evil.com", "https://127.0.0.1.evil.com"),
        ("localhost.evil.com", "https://localhost.evil.com"), ("notlocalhost", "https://notlocalhost"), ("128.0.0.1", "https://128.0.0.1"),
        ("127.1", "https://127.1"), ("127.0.0.01", "https://127.0.0.01"), ("127.0.0.256", "https://127.0.0.256"),
        ("[::2]", "https://[::2]"),
    ])
    func `are http by themselves for exactly this machine`(text: String, expected: String) throws {
        #expect(try RegistryURL(parsing: text).description == expected)
    }

    @Test(arguments: [
        ("http://h/api/v1", "http://h", "h:80"), ("http://h/api/v1/", "http://h", "h:80"),
        ("http://h/base//api/v1", "http://h/base", "h:80"),
        ("http://h/base/", "http://h/base", "h:80"), ("http://h:80", "http://h", "h:80"), ("https://h:443/x", "https://h/x", "h:443"),
        ("http://h:443", "http://h:443", "h:443"), ("HTTPS://H.Example", "https://h.example", "h.example"),
    ])
    func `have one form`(text: String, expected: String, authority: String) throws {
        let url = try RegistryURL(parsing: text)
        #expect(url.description == expected)
        #expect(url.authority == authority)
        #expect(url.url("/api/v1/health") == expected + "/api/v1/health")
        #expect(try RegistryURL(parsing: expected) == url)
        #expect(try Locator(parsing: "\(url.authority)/skill").registry == url.authority, "a copy can be addressed")
    }

    @Test(arguments: [
        "", "http://", "ftp://h", "http://h:x", "http://h:99999", "http://h:0", "http://user@h", "http://h?x", "http://h#x", "h h",
        "http:///x", "h\n", "é.example",
        "http://[::1", "h\\x", "://h", "http://a..b", "http://[..]",
    ])
    func `refuse what is not one, and say so`(text: String) {
        let error = #expect(throws: RegistryError.self) { try RegistryURL(parsing: text) }
        #expect(error?.message.contains("is not a registry's URL") == true)
    }

    @Test(arguments: ["https://user:secret@h.example", "user:secret@h", "HTTP://secret@h", "https://u:a/secret?b@h", "ftp://u:secret@h"])
    func `show no password of what they refuse`(text: String) {
        let error = #expect(throws: RegistryError.self) { try RegistryURL(parsing: text) }
        #expect(error?.message.contains("secret") == false && error?.message.contains("@h") == true)
    }
}
