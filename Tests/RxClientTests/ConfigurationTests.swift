import RxModel
import RxPosix
import RxTesting
import Testing

@testable import RxClient

@Suite struct `The configuration` {
    @Test func `keeps registries in order, with the first as the default until another is chosen`() throws {
        var configuration = try ClientConfiguration(json: .object([:]))
        #expect(configuration.defaultRegistry == nil)
        try configuration.add("one", url: "u1")
        try configuration.add("two", url: "u2")
        #expect(configuration.defaultRegistry?.name == "one")
        try configuration.setDefault("two")
        try configuration.remove("two")
        #expect(configuration.defaultRegistry?.name == "one")
        #expect(throws: RegistryError.self) { try configuration.add("one", url: "u3") }
        #expect(throws: RegistryError.self) { try configuration.remove("two") }
        #expect(throws: RegistryError.self) { try configuration.set("colour", to: "red") }
        try configuration.set("registry", to: "u9")
        #expect(configuration.registries.first?.name == "default" && configuration.defaultRegistry?.url == "u9")
        try configuration.set("registry", to: "u10")
        #expect(configuration.registries.filter { $0.name == "default" }.map(\.url) == ["u10"])
    }

    @Test func `loses no change when many processes write at once`() throws {
        let home = try TemporaryFolder()
        try WorkerPool.forEach(0..<40, threads: 8) { index in
            try ClientConfiguration.update(home: home.path) { try $0.add("r\(index)", url: "u") }
        }
        #expect(try ClientConfiguration(home: home.path).registries.count == 40)
        var links = try (0..<4).map { _ in try LinkTable(home: home.path) }
        for index in 0..<8 { try links[index % 4].link(try Locator(parsing: "l\(index)"), to: "/f\(index)") }
        #expect(try LinkTable(home: home.path).folders.count == 8)
    }

    @Test func `takes names that are not empty and addresses that are some`() throws {
        var configuration = try ClientConfiguration(json: .object([:]))
        #expect(throws: RegistryError.self) { try configuration.add("", url: "https://one.test") }
        for url in ["", "not a url", "ftp://one.test", "http://user@one.test", "http://one.test?x"] {
            #expect(throws: RegistryError.self, "\(url)") { try configuration.add("one", url: url) }
            #expect(throws: RegistryError.self, "\(url)") { try configuration.set("registry", to: url) }
        }
        #expect(configuration.registries.isEmpty)
    }

    @Test func `is refused with a reason when its file is broken`() throws {
        for (text, words) in [
            ("{", "is not JSON"), ("[]", "must hold an object"), (#"{"registries":{}}"#, "must be an array"),
            (#"{"registries":[{"name":"a","url":"http://a"},{"name":"b"}]}"#, "registries[1] needs"),
            (#"{"registries":[{"name":"","url":"http://a"}]}"#, "registries[0] needs"), (#"{"registries":[7]}"#, "registries[0] needs"),
            (#"{"registry":7}"#, "must be a text"),
        ] {
            let home = try TemporaryFolder()
            try home.write("config.json", text)
            let error = #expect(throws: RegistryError.self) { try ClientConfiguration(home: home.path) }
            #expect(error?.hint == "mend or delete it" && error?.message.contains(words) == true, "\(text)")
            #expect(throws: RegistryError.self) { try ClientConfiguration.update(home: home.path) { try $0.add("x", url: "http://x") } }
            #expect(try Files.read("\(home.path)/config.json") == Array(text.utf8), "nothing is lost by a write")
        }
        let home = try TemporaryFolder()
        try home.write("links.json", "7")
        #expect(throws: RegistryError.self) { try LinkTable(home: home.path) }
    }
}
