/// How a blob gets into a repository: what to ask next, by what was answered. Performs no input or output itself.
///
/// A blob that is not too long goes in one piece; a longer one, or one that the registry does not take so, in chunks. After a lost
/// connection the registry is asked whether it has the blob, then how much of it the session has; a session that is gone begins anew.
/// Source: OCI distribution spec v1.1, "Pushing blobs".
struct BlobUpload: Equatable {
    /// What to ask.
    enum Step: Equatable {
        /// Begin a session.
        case begin
        /// Send the whole blob and close the session with it.
        case sendWhole
        /// Send these bytes.
        case send(Range<Int>)
        /// Close the session.
        case close
        /// Ask whether the repository has the blob.
        case look
        /// Ask how much the session has.
        case status
        /// The repository has the blob.
        case done
    }

    /// Why a registry did not take what it was sent.
    enum Refusal: Equatable {
        /// Not at this place: 416.
        case range
        /// There is no such session: 404.
        case gone
        /// Too many bytes at once: 413.
        case length
        /// Another way of sending may do: what the protocol leaves open was refused.
        case way
        /// Nothing will do.
        case final
    }

    private let size: Int
    private let chunk: Int
    private let shortest: Int
    private var minimum = 0
    private var inChunks: Bool
    private var isResumed = false
    private var length: Int
    /// How many bytes the session has.
    private(set) var offset = 0
    /// What to ask next.
    private(set) var step: Step = .begin

    /// Plans for a blob of `size` bytes; one of more than `chunk` goes in chunks of that length, refused ones of at least `shortest`.
    init(size: Int, chunk: Int, shortest: Int) {
        self.size = size
        self.chunk = chunk
        self.shortest = shortest
        inChunks = size > chunk
        length = chunk
    }

    /// A session that another process began may go on: it is asked how much it has. What is missing goes in chunks.
    mutating func resume() {
        (isResumed, inChunks, step) = (true, true, .status)
    }

    /// A session has begun; `minimum` is the shortest chunk that it takes (`OCI-Chunk-Min-Length`).
    mutating func began(minimum: Int?) {
        offset = 0
        self.minimum = min(size, max(0, minimum ?? 0))
        step = inChunks ? next : .sendWhole
    }

    /// The session or the repository took what it was sent. `held` is the number of bytes that the session says it has.
    ///
    /// False when that is more than was sent.
    mutating func accepted(held: Int?) -> Bool {
        switch step {
        case .send(let range):
            // A `Range` of 0-0 is also how some registries write that there is nothing yet.
            offset = held == 1 && range.upperBound != 1 ? 0 : held ?? range.upperBound
            guard offset <= range.upperBound else { return false }
            step = next
        case .sendWhole, .close: step = .done
        default: break
        }
        return true
    }

    /// The connection was lost, or it is not known what became of what was sent.
    mutating func lost() {
        switch step {
        case .begin: break
        case .sendWhole, .close: step = .look
        case .send, .status: step = .status
        case .look, .done: break
        }
    }

    /// Whether the repository has the blob.
    mutating func looked(_ found: Bool) { step = found ? .done : inChunks ? .status : .begin }

    /// How much the session has, 0 for nothing; nil when it is gone.
    mutating func learned(held: Int?) {
        guard let held, held <= size else {
            // Nothing is known yet of how a new session is to be sent to.
            if isResumed { inChunks = size > chunk }
            (isResumed, step) = (false, .begin)
            return
        }
        isResumed = false
        offset = held == 1 && size > 1 ? 0 : held
        step = next
    }

    /// The registry refused what it was sent; false when there is no other way.
    mutating func refused(_ refusal: Refusal) -> Bool {
        switch (step, refusal) {
        case (_, .final): return false
        case (.send, .range): step = .status
        case (.close, .range), (.send, .gone): step = .begin
        case (.close, .gone): step = .look
        case (.sendWhole, .length): return shorten()
        case (.sendWhole, _):
            inChunks = true
            step = .begin
        case (.send, .length): return shorten()
        default: return false
        }
        return true
    }

    /// The next chunk, or the end. Every chunk but the last has at least the registry's minimum.
    private var next: Step {
        offset == size ? .close : .send(offset..<min(size, offset + max(length, minimum)))
    }

    /// Goes over to chunks of an eighth of what was too long, in a new session.
    private mutating func shorten() -> Bool {
        let refused = inChunks ? max(length, minimum) : min(size, length)
        let shorter = max(refused / 8, shortest, minimum)
        guard shorter < refused else { return false }
        (inChunks, length, step) = (true, shorter, .begin)
        return true
    }
}

extension BlobUpload.Refusal {
    /// Reads an answer's status and error code.
    init(status: Int, code: String?) {
        switch status {
        case 416: self = .range
        case 404: self = code == "NAME_UNKNOWN" || code == "NAME_INVALID" ? .final : .gone
        case 413: self = .length
        case 400: self = code == "BLOB_UPLOAD_INVALID" || code == "UNSUPPORTED" || code == "SIZE_INVALID" || code == nil ? .way : .final
        case 405, 411, 415, 501: self = .way
        default: self = .final
        }
    }
}
