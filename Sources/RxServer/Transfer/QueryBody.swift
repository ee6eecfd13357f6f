import RxArchive
import RxHTTP
import RxModel
import RxProtocol

/// Receives a question in JSON, which may be compressed, and answers it on a thread for long work.
enum QueryBody {
    /// The longest question in bytes, before and after it is decompressed.
    static let limit = 16 << 20
    /// A question is held in about ten times its bytes while it is read: one longer than this waits for its turn.
    private static let largeBytes = 1 << 20

    /// Whether a question is answered alone of its kind.
    static func isLarge(_ bytes: [UInt8]) -> Bool { bytes.count > largeBytes }

    /// Reads the body and gives it to `answer`. Throws `RegistryError` (`unsupportedType`) for an encoding that is not known.
    static func reaction(_ call: Call, _ context: ServerContext, _ answer: @escaping @Sendable ([UInt8]) throws -> HTTPResponse) throws
        -> Reaction
    {
        let encoding = call.request.headers["Content-Encoding"]?.trimmed.lowercased() ?? "identity"
        guard ["identity", "gzip", "x-gzip", "zstd"].contains(encoding) else {
            throw RegistryError(
                "the body's encoding \"\(encoding)\" is not known", code: .unsupportedType, hint: "send it as it is, or as gzip or zstd")
        }
        return .receive(
            BodyCollector(limit: limit, spoolDirectory: context.spoolDirectory, call, context) { received in
                let sent = BytesSource(try received.body())
                let source: any ByteSource =
                    switch encoding {
                    case "identity": sent
                    case "zstd": ZstdSource(sent)
                    default: GzipSource(sent)
                    }
                let bytes = try source.readAll(limit: limit)
                func result() throws -> HTTPResponse { try answer(bytes).encoded(for: call.request) }
                return isLarge(bytes) ? try context.workers.alone(result) : try result()
            })
    }
}
