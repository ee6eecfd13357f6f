import RxPosix

/// Sees when a transfer stands still: fewer bytes than one a second, over a whole window of time.
struct StallWatch {
    private enum Phase { case sending, waiting, receiving }

    private let stallSeconds: Int
    private let firstByteSeconds: Int
    private let seconds: Int?
    private let begunAt = Clock.monotonic
    private var phase: Phase
    private var started = Clock.monotonic
    private var movedBefore = 0

    /// `stallSeconds` for bytes in both directions; `firstByteSeconds` from the end of the request to the start of the answer,
    /// because a server may have to build what is asked for; `seconds` for everything, where it is bounded.
    init(stallSeconds: Int, firstByteSeconds: Int, seconds: Int? = nil, hasBody: Bool) {
        self.seconds = seconds
        self.stallSeconds = stallSeconds
        self.firstByteSeconds = firstByteSeconds
        phase = hasBody ? .sending : .waiting
    }

    mutating func requestEnds() { if phase == .sending { enter(.waiting) } }
    mutating func answerBegins() { if phase != .receiving { enter(.receiving) } }

    /// Runs work whose time is the caller's own and not the network's.
    mutating func excluding<Result>(_ work: () throws -> Result) rethrows -> Result {
        let before = Clock.monotonic
        defer { started += Clock.monotonic - before }
        return try work()
    }

    /// Why the transfer counts as standing still, when it does. `moved` is the number of bytes in both directions so far.
    mutating func stalled(moved: Int) -> String? {
        if let seconds, Clock.monotonic - begunAt >= seconds * 1_000_000_000 { return "its answer is not whole after \(seconds) s" }
        let limit = phase == .waiting ? firstByteSeconds : stallSeconds
        guard Clock.monotonic - started >= limit * 1_000_000_000 else { return nil }
        guard moved - movedBefore >= limit, phase != .waiting else {
            return phase == .waiting ? "no answer for \(limit) s" : "no more than \(moved - movedBefore) bytes in \(limit) s"
        }
        (started, movedBefore) = (Clock.monotonic, moved)
        return nil
    }

    private mutating func enter(_ next: Phase) {
        phase = next
        started = Clock.monotonic
    }
}
