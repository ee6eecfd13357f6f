import RxArchive
import RxHTTP
import RxModel
import RxProtocol

/// Receives a question in JSON, which may be compressed, and answers it on a thread for long work.
enum QueryBody {
    /// The longest question in bytes, before and after it is decompressed.
    static let limit = 16 << 20
    /// A question is held in about ten times its bytes while it is read: one longer than this waits for its turn, and is in a file until then.
    private static let largeBytes = 1 << 20

    /// Reads the body and gives it to `answer`, which is told whether it runs alone of its kind. Throws `RegistryError` (`unsupportedType`) for
    /// an encoding that is not known.
    static func reaction(
        _ call: Call, _ context: ServerContext, _ answer: @escaping @Sendable (_ body: [UInt8], _ isAlone: Bool) throws -> HTTPResponse
    ) throws -> Reaction {
        let encoding = call.request.headers["Content-Encoding"]?.trimmed.lowercased() ?? "identity"
        guard ["identity", "gzip", "x-gzip", "zstd"].contains(encoding) else {
            throw RegistryError(
                "the body's encoding \"\(encoding)\" is not known", code: .unsupportedType, hint: "send it as it is, or as gzip or zstd")
        }
        return .receive(
            BodyCollector(limit: limit, spoolDirectory: context.spoolDirectory, call, context) { received in
                func decoded() throws -> [UInt8] {
                    let sent = try received.source()
                    let source: any ByteSource =
                        switch encoding {
                        case "identity": sent
                        case "zstd": ZstdSource(sent)
                        default: GzipSource(sent)
                        }
                    return try source.readAll(limit: limit)
                }
                func result(_ bytes: [UInt8], isAlone: Bool) throws -> HTTPResponse {
                    try answer(bytes, isAlone).encoded(for: call.request)
                }
                if received.count > largeBytes { return try context.workers.alone { try result(decoded(), isAlone: true) } }
                let bytes = try decoded()
                guard bytes.count > largeBytes else { return try result(bytes, isAlone: false) }
                return try context.workers.alone { try result(bytes, isAlone: true) }
            })
    }
}
