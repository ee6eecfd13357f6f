import Foundation
import RxModel
import RxTesting
import Testing

/// The Python library oras, one call at a time.
struct OrasPy {
    private let python: ClientProgram

    init() throws { python = try .python("python", ["-c", OrasPy.script]) }

    private static let script = """
        import json, sys, oras.client, oras.oci
        call = json.load(sys.stdin)
        words = call["arguments"]
        if "subject" in words: words["subject"] = oras.oci.Subject(**words["subject"])
        answer = getattr(oras.client.OrasClient(insecure=True), call["verb"])(**words)
        json.dump(answer.status_code if hasattr(answer, "status_code") else answer, sys.stdout)
        """

    /// Calls a method of the client, as by default but for plain HTTP.
    func attempt(_ verb: String, _ arguments: [String: JSON], in folder: String? = nil) throws -> Ended {
        try python.run([], in: folder, input: Data(JSON.object(["verb": .string(verb), "arguments": .object(arguments)]).canonical))
    }

    /// Calls a method that must succeed; gives its result.
    @discardableResult
    func callAsFunction(
        _ verb: String, _ arguments: [String: JSON], in folder: String? = nil, location: SourceLocation = #_sourceLocation
    ) throws -> JSON {
        let ended = try attempt(verb, arguments, in: folder)
        #expect(ended.status == 0, "oras-py \(verb): \(ended.error)", sourceLocation: location)
        return try JSON(parsing: ended.text)
    }
}

@Suite struct OrasPyTests {
    let registry: any ServedRegistry
    let oras: OrasPy
    let work: TemporaryFolder
    let random: [UInt8]

    init() throws {
        registry = try startRegistry()
        oras = try OrasPy()
        work = try TemporaryFolder()
        random = (0..<250_000).map { _ in UInt8.random(in: 0...255) }
        try work.write("in/a.txt", "a")
        try work.write("in/b.bin", random)
        try work.write("in/empty", "")
        try work.write("in/tree/x", "x")
        try work.write("in/tree/sub/deep/y", "y")
    }

    var target: JSON { .string("\(registry.host)/art/files:1") }

    /// Pushes files, pulls them elsewhere and compares.
    func roundTrip(_ files: [String], _ more: [String: JSON] = [:]) throws {
        let arguments: [String: JSON] = ["target": target, "files": .array(files.map { .string($0) })]
        #expect(try oras("push", arguments.merging(more) { $1 }, in: "\(work.path)/in") == 201)
        let pulled = try oras("pull", ["target": target, "outdir": .string("\(work.path)/out")])
        #expect(pulled.array?.count == files.count)
        for file in files {
            let name = file.split(separator: ":")[0]
            #expect(try difference("\(work.path)/in/\(name)", "\(work.path)/out/\(name)") == "")
        }
    }

    @Test func `pushes and pulls files, with media types and annotations`() throws {
        try roundTrip(
            ["a.txt:text/x-greeting", "b.bin", "empty"],
            ["manifest_annotations": .object(["org.opencontainers.image.description": "Files"])])
        let manifest = try oras("get_manifest", ["container": target])
        #expect(manifest["annotations"]?["org.opencontainers.image.description"]?.string == "Files")
        let layers = manifest["layers"]?.array ?? []
        #expect(layers.map { $0["mediaType"]?.string } == ["text/x-greeting", OCILayout.Media.tar, OCILayout.Media.tar])
        #expect(layers.map { $0["size"]?.int } == [1, 250_000, 0])
    }

    @Test(arguments: [100_000, 50_000, 249_999, 250_000, 1 << 20])
    func `pushes in chunks`(size: Int) throws {
        try roundTrip(["b.bin", "a.txt", "empty"], ["do_chunked": true, "chunk_size": .integer(size)])
    }

    @Test(arguments: [true, false])
    func `pushes and pulls a folder`(chunked: Bool) throws {
        try roundTrip(["tree"], ["do_chunked": .bool(chunked)])
        let layer = try oras("get_manifest", ["container": target])["layers"]?.array?.first
        #expect(layer?["mediaType"]?.string == OCILayout.Media.gzip)
        #expect(layer?["annotations"]?[Annotation.title]?.string == "tree")
    }

    @Test func `pushes again over what is there`() throws {
        try roundTrip(["a.txt"])
        try roundTrip(["a.txt", "b.bin"])
        try roundTrip(["a.txt"], ["do_chunked": true])
    }

    @Test func `lists tags by pages and deletes them`() throws {
        let repository = "\(registry.host)/art/files"
        for tag in ["1", "2", "3"] {
            let annotation = JSON.object(["tag": .string(tag)])
            try oras(
                "push", ["target": .string("\(repository):\(tag)"), "files": ["a.txt"], "manifest_annotations": annotation],
                in: "\(work.path)/in")
        }
        #expect(try oras("get_tags", ["container": .string(repository)]).array?.compactMap(\.string).sorted() == ["1", "2", "3"])
        #expect(try oras("get_tags", ["container": .string(repository), "N": 2]).array?.count == 2)
        #expect(try oras("delete_tags", ["name": .string(repository), "tags": ["2", "none"]]) == ["2"])
        #expect(try oras("get_tags", ["container": .string(repository)]).array?.compactMap(\.string).sorted() == ["1", "3"])
        let gone = try oras.attempt("get_manifest", ["container": .string("\(repository):2")])
        #expect(gone.status != 0 && gone.error.contains("Not Found"), "\(gone.error)")
    }
}
