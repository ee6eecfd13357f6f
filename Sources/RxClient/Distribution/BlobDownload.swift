import RxModel

/// How the answers to requests for a blob, or for its rest, become its bytes. Source: RFC 9110, section 14; OCI distribution spec v1.1,
/// "Pulling blobs".
struct BlobDownload: Equatable {
    /// What to do with an answer.
    enum Action: Equatable {
        /// Pass the body on, without so many bytes at its front, which came before.
        case take(skipping: Int)
        /// Every byte has come.
        case complete
        /// There is no such blob.
        case missing
        /// The answer is no part of the blob: why.
        case wrong(String)
        /// An error that the registry describes.
        case refused
    }

    /// The blob's length.
    let size: Int
    /// How many of its bytes have come.
    private(set) var received: Int

    /// Plans for a blob of `size` bytes, of which the first `received` are here.
    init(size: Int, received: Int = 0) {
        self.size = size
        self.received = received
    }

    /// The `Range` to ask for; nil for the whole.
    var range: String? { received > 0 ? "bytes=\(received)-" : nil }

    /// Decides by an answer's status and `Content-Range`. A registry that does not know ranges sends the whole again.
    func action(status: Int, contentRange: String?) -> Action {
        switch status {
        case 200: return .take(skipping: received)
        case 206:
            guard let start = BlobDownload.start(contentRange) else { return .wrong("a part of the blob without a Content-Range") }
            guard start <= received else { return .wrong("the bytes from \(start) on in place of those from \(received) on") }
            return .take(skipping: received - start)
        case 416: return received == size ? .complete : .wrong("that the blob has no bytes from \(received) on; it should have \(size)")
        case 404: return .missing
        default: return .refused
        }
    }

    /// Counts bytes that were passed on. Throws `ContentError` when they are more than the blob has.
    mutating func pass(_ count: Int) throws {
        received += count
        guard received <= size else {
            throw ContentError("the registry sends more than the \(size) bytes of the blob", code: .digestInvalid)
        }
    }

    /// The first position of `bytes first-last/length`; nil for what breaks the grammar.
    static func start(_ contentRange: String?) -> Int? {
        guard let contentRange, contentRange.lowercased().hasPrefix("bytes ") else { return nil }
        let range = contentRange.dropFirst("bytes ".count).split(separator: "/", omittingEmptySubsequences: false)
        guard range.count == 2 else { return nil }
        let positions = range[0].split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
        guard positions.count == 2, let first = positions[0], let last = positions[1], 0 <= first, first <= last else { return nil }
        return first
    }
}
