import RxCrypto
import RxModel
import RxTesting
import Testing

@Suite struct `Manifests` {
    @Test(arguments: try vectors("tree")) func `have the digests of the vectors`(_ vector: JSON) throws {
        let files = try (vector["files"]?.array ?? []).map { entry in
            try file(
                try #require(entry["path"]?.string), try #require(entry["content"]?.string ?? entry["symlink"]?.string),
                executable: entry["executable"]?.bool == true,
                symlink: entry["symlink"]?.string)
        }
        if let message = vector["error"]?.string {
            let definition = try Definition(try #require(vector["definition"]))
            let error = #expect(throws: ContentError.self) { try ResourceManifest(definition: definition, files: files) }
            #expect(error?.message == message)
            if let code = vector["code"]?.string { #expect(error?.code.wire == code) }
            return
        }
        #expect(treeDigest(files).description == vector["tree"]?.string)
        guard let expected = vector["manifest"]?.string, let json = vector["definition"] else { return }
        let manifest = try ResourceManifest(definition: try Definition(json), files: files)
        #expect(manifest.digest.description == expected, "\(String(decoding: manifest.bytes, as: UTF8.self))")
        #expect(try ResourceManifest(parsing: manifest.bytes) == manifest)
    }

    @Test func `are the same whatever order the files come in`() throws {
        let files = try ["b", "a/c", "a/b", "é", "e\u{301}"].map { try file($0, $0) }
        let one = try ResourceManifest(definition: try definition("x"), files: files)
        let other = try ResourceManifest(definition: try definition("x"), files: files.reversed())
        #expect(one.bytes == other.bytes)
        #expect(one.files.count == 5, "NFC and NFD names are two files")
    }

    @Test func `refuse paths that cannot stand side by side`() throws {
        func message(_ paths: String...) throws -> String? {
            let files = try paths.map { try file($0, "") }
            do { _ = try ResourceManifest(definition: try definition("x"), files: files) } catch { return "\(error)" }
            return nil
        }
        #expect(try message("a", "a") == "entry \"a\": the name appears twice")
        #expect(try message("a", "a/b/c") == "entry \"a/b/c\": \"a\" is a file, not a folder")
        #expect(try message("a/b", "a.b", "a/c") == nil)
        #expect(try message() == "a resource needs at least one file")
    }

    @Test(arguments: [
        ("a", "b", true), ("d/a", "../b", true), ("a", "../b", false), ("a", "/etc/passwd", false), ("d/a", "../../b", false),
        ("a", ".", true), ("a", "d/../..", false),
        ("a", "", false), ("a", "a", false), ("a", "x\ny", false),
    ]) func `hold symlinks that stay inside only`(_ path: String, _ target: String, _ allowed: Bool) throws {
        let files = [try file("b", ""), try file(path, target, symlink: target)]
        if allowed {
            _ = try ResourceManifest(definition: try definition("x"), files: files)
        } else {
            let error = #expect(throws: ContentError.self) { try ResourceManifest(definition: try definition("x"), files: files) }
            #expect(error?.message.contains("\"\(path)\"") == true)
        }
    }

    @Test func `see through symlinks that lead out by way of another`() throws {
        let files = [try file("d/up", "..", symlink: ".."), try file("out", "d/up/../x", symlink: "d/up/../x")]
        let error = #expect(throws: ContentError.self) { try ResourceManifest(definition: try definition("x"), files: files) }
        #expect(error?.message == "entry \"out\": the symlink to \"d/up/../x\" leaves the root")
        let circle = [try file("a", "b", symlink: "b"), try file("b", "a", symlink: "a")]
        #expect(throws: ContentError.self) { try ResourceManifest(definition: try definition("x"), files: circle) }
    }

    @Test func `fail to parse when any byte of the structure is missing`() throws {
        let manifest = try ResourceManifest(definition: try definition("x"), files: [try file("a", "1")])
        for count in 0..<manifest.bytes.count {
            #expect(throws: ManifestError.self) { try ResourceManifest(parsing: Array(manifest.bytes[..<count])) }
        }
    }
}

@Suite struct `Manifest texts` {
    @Test(arguments: try vectors("manifest")) func `are read as the vectors say`(_ vector: JSON) throws {
        let name = vector["name"]?.string ?? "?"
        let bytes = Array(try #require(vector["text"]?.string).utf8)
        guard let message = vector["error"]?.string else {
            let manifest = try ResourceManifest(parsing: bytes)
            #expect(try ResourceManifest(parsing: manifest.bytes) == manifest, "\(name)")
            return
        }
        let error = #expect(throws: ManifestError.self, "\(name)") { try ResourceManifest(parsing: bytes) }
        #expect(error?.message == message, "\(name)")
    }

    @Test(arguments: try vectors("path")) func `hold paths as the vectors say`(_ vector: JSON) throws {
        let text = try #require(vector["path"]?.string)
        guard let message = vector["error"]?.string else {
            #expect(try FilePath(parsing: text).segments.map(String.init) == vector["segments"]?.array?.compactMap(\.string))
            return
        }
        let error = #expect(throws: ContentError.self) { try FilePath(parsing: text) }
        #expect(error?.message == message)
    }
}
