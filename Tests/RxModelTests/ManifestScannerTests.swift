import Foundation
import RxCrypto
import RxTesting
import Testing

@testable import RxModel

@Suite struct `The quick reader of manifests` {
    func manifest() throws -> ResourceManifest {
        try ResourceManifest(
            definition: try definition("x", ["description": "says ,\"layers\":[ and {}"]),
            files: [
                try file("a", "one"), try file("d/run", "#!", executable: true), try file("d/é-\u{1F600}", ""),
                try file("d/link", "../a", symlink: "../a"), try file("d/.hidden", "."),
            ])
    }

    func slow(_ bytes: [UInt8]) -> Result<JSON, JSONError> { Result { () throws(JSONError) in try JSON(parsing: bytes) } }

    @Test func `reads what rx writes`() throws {
        let manifest = try manifest()
        let (json, files) = try #require(ManifestScanner.scan(manifest.bytes))
        #expect(files == manifest.files)
        #expect(json["annotations"] == (try slow(manifest.bytes).get())["annotations"])
        #expect(try ResourceManifest(parsing: manifest.bytes) == manifest)
        let positions = try #require(ResourceManifest.positions(of: manifest.bytes))
        let parsed = try ArtifactManifest(parsing: manifest.bytes, mediaType: nil)
        let named = ([parsed.config].compactMap(\.self) + parsed.layers).map { ($0.digest, $0.size) }
        #expect(positions.map { ContentDigest.sha256($0.digest) } == named.map(\.0) && positions.map(\.size) == named.map(\.1))
        #expect(ResourceManifest.positions(of: Array("{}".utf8)) == nil)
    }

    @Test func `leaves every other form to the JSON parser, with the same answer`() throws {
        let text = String(decoding: try manifest().bytes, as: UTF8.self)
        let others = [
            text.replacing("\"layers\":[{", with: "\"layers\": [{"),
            text.replacing("\"dev.rx.executable\":\"true\"", with: "\"dev.rx.executable\":\"false\""),
            text.replacing("d/.hidden", with: "d/\\u002ehidden"), text.replacing("\"size\":4}", with: "\"size\":4,\"urls\":[]}"),
        ]
        for other in others {
            #expect(ManifestScanner.scan(Array(other.utf8)) == nil, "\(other)")
            #expect(try ResourceManifest(parsing: Array(other.utf8)).files.count == 5)
        }
        for bad in [
            text.replacing("\"size\":4}", with: "\"size\":04}"), text.replacing("\"size\":4}", with: "\"size\":-4}"),
            text.replacing("\"size\":4}", with: "\"size\":99999999999999999999}"), text.replacing("d/.hidden", with: "d/../../x"),
            text.replacing("d/.hidden", with: "d/\u{0}"), text.replacing("image.title\":\"a\"", with: "image.title\":\"d\""),
        ] {
            #expect(bad != text)
            #expect(throws: ManifestError.self, "\(bad)") { try ResourceManifest(parsing: Array(bad.utf8)) }
        }
    }

    @Test func `makes the layers that the JSON parser makes`() throws {
        let bytes = try manifest().bytes
        let spaced = Array(String(decoding: bytes, as: UTF8.self).replacing("\"layers\":[", with: "\"layers\": [").utf8)
        #expect(ManifestScanner.scan(spaced) == nil)
        let quick = try ArtifactManifest(parsing: bytes, mediaType: nil)
        #expect(try ArtifactManifest(parsing: spaced, mediaType: nil) == quick)
        #expect(quick.layers.count == 5)
        // Whatever it says that it is, both answers are the same.
        for type in [MediaType.imageIndex, "text/plain", ""] {
            func said(_ text: [UInt8]) -> [UInt8] {
                Array(String(decoding: text, as: UTF8.self).replacing(MediaType.imageManifest, with: type).utf8)
            }
            let slow = #expect(throws: ManifestError.self) { try ArtifactManifest(parsing: said(spaced), mediaType: nil) }
            let quick = #expect(throws: ManifestError.self) { try ArtifactManifest(parsing: said(bytes), mediaType: nil) }
            #expect(slow?.message == quick?.message)
        }
    }

    @Test func `takes no list for the layers that is none`() throws {
        let text = String(decoding: try manifest().bytes, as: UTF8.self)
        let start = try #require(text.range(of: ",\"layers\":["))
        let end = try #require(text.range(of: "}],\"mediaType\""))
        let layers = text[start.lowerBound..<end.lowerBound] + "}]"
        for forged in [
            // A list in the config, and another one, empty, where the layers belong.
            text.replacing("\"config\":{", with: "\"config\":{\"a\":1\(layers),").replacing(
                layers + ",\"mediaType\":\"application/vnd.oci.image", with: ",\"layers\":[],\"mediaType\":\"application/vnd.oci.image"),
            text.replacing(
                "\"annotations\":{\"dev.rx.definition\"", with: "\"annotations\":{\"a\":{\"b\":1\(layers)},\"dev.rx.definition\""),
            text.replacing(
                "{\"annotations\":{\"dev.rx.definition\"", with: "{\"aa\":[{\"b\":1\(layers)}],\"annotations\":{\"dev.rx.definition\""),
        ] {
            #expect(forged != text)
            #expect(ManifestScanner.scan(Array(forged.utf8)) == nil)
        }
    }

    @Test func `survives every cut and every flipped bit as the JSON parser does`() throws {
        let manifest = try manifest()
        for index in manifest.bytes.indices {
            #expect(throws: ManifestError.self) { try ResourceManifest(parsing: Array(manifest.bytes[..<index])) }
            var mangled = manifest.bytes
            mangled[index] ^= 1
            guard let (json, files) = ManifestScanner.scan(mangled) else { continue }
            let whole = try slow(mangled).get()
            #expect(whole["layers"]?.array?.count == files.count && whole["annotations"] == json["annotations"], "byte \(index)")
            #expect(whole["layers"]?.array?.compactMap { $0["digest"]?.string } == files.map(\.digest.description), "byte \(index)")
        }
    }
}
