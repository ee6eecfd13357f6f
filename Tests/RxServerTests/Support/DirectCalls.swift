import Foundation
import RxHTTP
import RxModel
import RxPosix
import RxStore
import RxTesting

@testable import RxServer

/// The registry's endpoints without a socket.
final class DirectCalls: Sendable {
    let folder: TemporaryFolder
    let store: any Store
    private let handler: RegistryHandler
    private let workers = Workers(long: 1)

    init(store: any Store = MemoryStore(), _ change: (inout ServerConfiguration) -> Void = { _ in }) throws {
        folder = try TemporaryFolder()
        self.store = store
        var configuration = ServerConfiguration()
        change(&configuration)
        let archives = ArchiveCache(
            folder: folder.path + "/archives", limit: configuration.archiveCacheBytes, store: store, workers: workers)
        handler = RegistryHandler(
            ServerContext(
                configuration: configuration, store: store, log: .none, responses: ResponseCache(), archives: archives,
                chunks: ChunkService(folder: folder.path + "/chunks", store: store, workers: workers), workers: workers,
                spoolDirectory: folder.path))
    }

    deinit { workers.close() }

    /// Answers one request; a body comes in pieces of `piece` bytes.
    func call(_ method: String, _ target: String, _ headers: HTTPHeaders = [:], body: [UInt8] = [], piece: Int = 1000) -> HTTPResponse {
        switch handler.react(to: HTTPRequest(method: method, target: target, headers: headers), id: "test") {
        case .answer(let response): return response
        case .work(let job):
            let done = Monitor<HTTPResponse?>(nil)
            job { response in done.update { $0 = response } }
            return done.wait { $0 }!
        case .receive(let receiver):
            for start in stride(from: 0, to: body.count, by: piece) {
                if let refusal = body[start..<min(body.count, start + piece)].withUnsafeBytes({ receiver.receive($0) }) { return refusal }
            }
            return receiver.finish()
        case .stream(_, let process): return process(BytesSource(body))
        }
    }

    /// Whether a GET is answered from what was kept, without work.
    func isCached(_ target: String) -> Bool {
        if case .answer = handler.react(to: HTTPRequest(method: "GET", target: target, headers: [:]), id: "test") { true } else { false }
    }

    func publish(_ parts: [FormPart], type: String = formType, piece: Int = 1000) -> HTTPResponse {
        call("POST", "/api/v1/publish", ["Content-Type": type], body: form(parts), piece: piece)
    }
}

extension HTTPResponse {
    var json: JSON? { if case .bytes(let bytes) = body { try? JSON(parsing: bytes) } else { nil } }
    var code: String? { json?["code"]?.string }
    var message: String? { json?["error"]?.string }

    /// The body's bytes, read from a file where they are in one.
    var content: [UInt8] {
        switch body {
        case .empty: return []
        case .bytes(let bytes): return bytes
        case .memory(let memory, let range): return Array(memory.bytes[range])
        case .file(let file, let offset, let length):
            var out = [UInt8](repeating: 0, count: length)
            let count = pread(file.number, &out, length, off_t(offset))
            return Array(out[..<max(0, count)])
        case .stream(let producer, _):
            let sink = BytesSink()
            try? producer.produce(into: sink)
            return sink.bytes
        }
    }
}
