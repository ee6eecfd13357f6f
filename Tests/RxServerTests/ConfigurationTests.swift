import RxModel
import RxTesting
import Testing

@testable import RxServer

@Suite struct `Server settings` {
    private func read(_ text: String) throws -> ServerConfiguration { try ServerConfiguration(parsing: Array(text.utf8)) }

    @Test func `rule over the defaults, and comments are left out`() throws {
        let configuration = try read(
            "{\"// port\": \"any\", \"//\": 1, \"port\": 0, \"host\": \"::1\", \"publicURL\": \"example.com/api/v1\", \"maxEntries\": 5}")
        #expect(configuration.port == 0)
        #expect(configuration.host == "::1")
        #expect(configuration.publicURL == "https://example.com")
        #expect(configuration.maxEntries == 5)
        #expect(configuration.idleSeconds == ServerConfiguration().idleSeconds)
    }

    @Test func `an unknown setting is refused by name`() {
        let error = #expect(throws: ConfigurationError.self) { try read("{\"maxBodyByte\": 1}") }
        #expect(error?.message == "the configuration has an unknown key \"maxBodyByte\"")
        #expect(error?.hint?.contains("did you mean \"maxBodyBytes\"?") == true)
        #expect(error?.key == "maxBodyByte")
    }

    @Test(arguments: [
        "{\"port\": \"80\"}", "{\"port\": 65536}", "{\"port\": -1}", "{\"port\": 1.5}", "{\"host\": \"\"}", "{\"host\": 1}",
        "{\"idleSeconds\": 0}",
        "{\"publicURL\": \"ftp://x\"}", "{\"publicURL\": 1}", "{\"workerThreads\": 0}", "{\"maxBodyBytes\": null}", "{\"data\": []}",
    ])
    func `of the wrong kind are refused by name`(text: String) {
        let error = #expect(throws: ConfigurationError.self) { try read(text) }
        let key = text.split(separator: "\"")[1]
        #expect(error?.message.contains(key) == true)
    }

    @Test(arguments: ["", "[]", "{", "1"])
    func `that are no object are refused`(text: String) { #expect(throws: ConfigurationError.self) { try read(text) } }

    @Test func `have the defaults of the specification`() throws {
        for vector in try vectors("limits") {
            guard let key = vector["key"]?.string, key != "data", let value = vector["default"] else { continue }
            #expect(ServerConfiguration.keys.contains(key))
            #expect(try read("{\"\(key)\": \(value.text)}") == ServerConfiguration(), "\(key)")
        }
    }
}
