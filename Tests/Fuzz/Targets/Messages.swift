import RxHTTP
import RxModel
import RxProtocol

@testable import RxClient
@testable import RxServer

extension FuzzTarget {
    /// What registries answer and clients ask, in JSON.
    static let messages: [FuzzTarget] = [
        FuzzTarget("errors", longest: 500) { bytes in
            if let body = ErrorBody(parsing: bytes) {
                try must(ErrorBody(parsing: body.json.canonical) == body, "an error is read as another")
            }
            if let body = DistributionErrors(parsing: bytes) {
                try must(DistributionErrors(parsing: body.json.canonical) == body, "errors are read as others")
            }
            let failure = DistributionFailure(parsing: bytes)
            for text in [failure.message, failure.code ?? ""] {
                try must(text.unicodeScalars.count <= 500 && !text.utf8.contains { $0 < 0x20 || $0 == 0x7F }, "it cannot be shown")
            }
            for status in [0, 200, 401, 403, 404, 429, 500, 999] {
                _ = failure.error(status: status, host: "host", authority: "host", what: "pull").description
            }
            if let token = Token(parsing: bytes) { try must(token.seconds >= 0, "a token's time is below 0") }
        },
        FuzzTarget("answers", longest: 1200) { bytes in
            try same(bytes, { try SearchResults(parsing: $0) }, { $0.json.canonical })
            try same(bytes, { try PublishReceipt(parsing: $0) }, { $0.json.canonical })
            try same(bytes, { try WellKnown(parsing: $0) }, { $0.json.canonical })
            // Without its files an answer has the definition's path and tag from where it is stored: so it is as it is once written.
            if let info = try? ResourceInfo(parsing: bytes) {
                try same(info.json.canonical, { try ResourceInfo(parsing: $0) }, { $0.json.canonical }, isOwn: true)
            }
            try same(bytes, { try StoredAnswer(parsing: $0) }, { $0.json.canonical })
            try same(bytes, { try PendingAnswer(parsing: $0) }, { $0.json.canonical })
            try same(bytes, { try MissingAnswer(parsing: $0) }, { $0.canonical })
            try same(bytes, { try FoundChunks(parsing: $0) }, { $0.json.canonical })
        },
        FuzzTarget("questions", longest: 800) { bytes in
            try same(bytes, { try MissingQuery(parsing: $0) }, { $0.canonical })
            try same(bytes, { try FetchQuery(parsing: $0) }, { $0.canonical })
            guard let query = try? FetchQuery(parsing: bytes), case .positions(let positions, _) = query.selection else { return }
            try must(positions.count == positions.ranges.reduce(0) { $0 + $1.count }, "positions are counted wrongly")
            guard positions.count < 1000 else { return }
            try must(BlobPositions(ascending: positions.all) == positions, "positions are others")
        },
        FuzzTarget("settings", longest: 500) { bytes in
            _ = try? ServerConfiguration(parsing: bytes)
            guard let json = try? JSON(parsing: bytes), let configuration = try? ClientConfiguration(json: json) else { return }
            _ = (configuration.defaultRegistry, try? configuration.transfers)
        },
    ]

    /// What is accepted is read back from what it writes.
    private static func same<Value: Equatable>(
        _ bytes: [UInt8], _ parse: ([UInt8]) throws -> Value, _ write: (Value) -> [UInt8], isOwn: Bool = false
    )
        throws
    {
        guard let value = isOwn ? try accepted("\(Value.self)", { try parse(bytes) }) : try? parse(bytes) else { return }
        let written = write(value)
        let again = try accepted("\(Value.self) \(String(decoding: written, as: UTF8.self))") { try parse(written) }
        try must(again == value, "\(Value.self) is read as another: \(String(decoding: written, as: UTF8.self))")
    }
}
