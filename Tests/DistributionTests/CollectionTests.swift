import Foundation
import RxModel
import RxTesting
import Testing

/// What a collection beside `/v2/` keeps and takes (Specs/11-distribution OCI-064, OCI-118). Needs rx itself, not another registry.
@Suite(.enabled(if: Given.url == nil)) struct `Collections beside uploads` {
    private let registry: RegistryProcess
    private let contents: Contents
    private let connection: Connection

    init() throws {
        registry = try RegistryProcess()
        connection = try Connection(Address(registry.url))
        func image(_ more: String) -> JSON {
            .string(#"{"schemaVersion":2,"config":{"mediaType":"a/b","digest":"{digest:config}","size":2},"# + more + "}")
        }
        let more: [String: JSON] = [
            "child": image(#""annotations":{"n":"child"}"#), "untagged": image(#""annotations":{"n":"untagged"}"#),
            "signature": image(#""subject":{"mediaType":"a/b","digest":"{digest:image}","size":{size:image}}"#),
            "list": #"{"schemaVersion":2,"manifests":[{"mediaType":"a/b","digest":"{digest:child}","size":{size:child}}]}"#,
        ]
        contents = Contents(more, saved: ["repo": "gc"])
    }

    private func status(_ line: String, _ body: String? = nil) throws -> Int {
        let bytes = try body.map(contents.named)
        let request = try Request(try contents.fill(line), body: bytes, host: registry.host)
        connection.send(request.bytes)
        return try connection.answer(to: request.method).status
    }

    private func upload(_ names: String...) throws {
        for name in names { #expect(try status("POST /v2/gc/blobs/uploads/?digest={digest:\(name)}", name) == 201, "\(name)") }
    }

    private func put(_ name: String, _ reference: String) throws {
        #expect(try status("PUT /v2/gc/manifests/\(reference)", name) == 201, "\(name)")
    }

    private func collect(_ arguments: String...) throws {
        let ended = try run(rxBinary, ["gc"] + arguments, environment: ["RX_HOME": registry.data.path])
        #expect(ended.status == 0, "\(ended.error)")
    }

    @Test func `keeps what a client was told of through a collection`() throws {
        try upload("layer")
        try collect()
        #expect(try status("HEAD /v2/gc/blobs/{digest:layer}") == 200)
        try collect("--lease", "0")
        #expect(try status("HEAD /v2/gc/blobs/{digest:layer}") == 404)
    }

    @Test func `keeps what is tagged, put by digest, named by an index or refers`() throws {
        try upload("config", "layer")
        try put("image", "v1")
        try put("signature", "{digest:signature}")
        try put("child", "{digest:child}")
        try put("list", "list")
        try put("untagged", "{digest:untagged}")
        try collect("--lease", "0")
        for name in ["image", "signature", "child", "list", "untagged"] {
            #expect(try status("GET /v2/gc/manifests/{digest:\(name)}") == 200, "\(name)")
        }
        #expect(try status("GET /v2/gc/blobs/{digest:layer}") == 200)
        #expect(try status("DELETE /v2/gc/manifests/{digest:list}") == 202)
        try collect("--lease", "0")
        #expect(try status("GET /v2/gc/manifests/{digest:child}") == 404)
        #expect(try status("GET /v2/gc/manifests/{digest:untagged}") == 200)
        // A tag that moves leaves its old manifest to the collection.
        try put("untagged", "v1")
        try collect("--lease", "0")
        #expect(try status("GET /v2/gc/manifests/{digest:image}") == 404)
        #expect(try status("GET /v2/gc/manifests/{digest:signature}") == 404)
        #expect(try status("GET /v2/gc/blobs/{digest:layer}") == 404)
    }
}
