import RxHTTP
import RxModel

/// Receives a short body whole. The server calls it on one thread at a time.
final class BodyCollector: UploadReceiver, @unchecked Sendable {
    private let limit: Int
    private let call: Call
    private let context: ServerContext
    private let complete: @Sendable ([UInt8]) throws -> HTTPResponse
    private var bytes: [UInt8] = []

    /// Takes at most `limit` bytes and hands them to `complete`.
    init(limit: Int, _ call: Call, _ context: ServerContext, complete: @escaping @Sendable ([UInt8]) throws -> HTTPResponse) {
        self.limit = limit
        self.call = call
        self.context = context
        self.complete = complete
    }

    func receive(_ part: UnsafeRawBufferPointer) -> HTTPResponse? {
        guard bytes.count + part.count <= limit else {
            return context.failure(RegistryError("the body is longer than \(limit) bytes", code: .contentTooLarge), call)
        }
        bytes.append(contentsOf: part)
        return nil
    }

    func finish() -> HTTPResponse {
        do {
            return try complete(bytes)
        } catch { return context.failure(error, call) }
    }
}
