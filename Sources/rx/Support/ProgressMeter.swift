import RxModel

/// How far a piece of work is, at one moment.
struct ProgressReading: Equatable {
    /// What is being done: `pushing`.
    var what = ""
    var bytes = 0
    /// The bytes that there are to do; nil when that is not known.
    var totalBytes: Int?
    var files = 0
    /// The files that there are to do; nil when that is not known, or the work is not about files.
    var totalFiles: Int?
    /// Bytes a second, over the last seconds.
    var rate = 0
    /// Until everything is done, when the work goes on as it did; nil when that cannot be told.
    var secondsLeft: Int?
    /// The part of all the work that is done, 0 to 1; nil when that is not known.
    var fraction: Double?

    /// Whether the work is told in files alone: their bytes are not moved.
    var isCount: Bool { totalBytes == nil && bytes == 0 && totalFiles != nil }

    /// The part of this phase that is done, 0 to 1; nil when that is not known.
    var part: Double? {
        if let totalBytes, totalBytes > 0 { return min(1, Double(bytes) / Double(totalBytes)) }
        guard isCount, let totalFiles, totalFiles > 0 else { return nil }
        return min(1, Double(files) / Double(totalFiles))
    }
}

/// Works out how far everything is that a command does: one whole, also when it has several phases. Times are nanoseconds of a clock
/// that never goes back.
struct ProgressMeter {
    /// The rate is that of about this many nanoseconds.
    private static let window = 4_000_000_000
    /// A sample is taken after so many nanoseconds.
    private static let sampleTime = 250_000_000

    private var samples: [(at: Int, bytes: Int)] = []
    private var reading = ProgressReading()
    private var phases = 1
    private var phase = 0
    private var phaseStartedAt = 0
    private var furthest = 0.0
    /// When the first phase began; nil before that.
    private(set) var startedAt: Int?
    /// Whether a phase is going on.
    private(set) var isActive = false

    /// So many phases are to come.
    mutating func expect(phases count: Int) { phases = max(1, count) }

    /// A phase begins; where one is going on, it begins again.
    mutating func begin(_ what: String, bytes: Int?, files: Int?, at now: Int) {
        if startedAt == nil { startedAt = now }
        if !isActive { phase += 1 }
        phases = max(phases, phase)
        isActive = true
        phaseStartedAt = now
        samples = [(now, 0)]
        reading = ProgressReading(what: what, totalBytes: bytes, totalFiles: files)
    }

    /// More is done.
    mutating func advance(bytes: Int, files: Int, at now: Int) {
        reading.bytes = reading.bytes.bounded(plus: bytes)
        reading.files += files
        guard let last = samples.last, now - last.at >= ProgressMeter.sampleTime else { return }
        samples.append((now, reading.bytes))
        if let first = samples.firstIndex(where: { now - $0.at <= ProgressMeter.window }), first > 1 { samples.removeFirst(first - 1) }
    }

    /// The phase is over.
    mutating func end() { isActive = false }

    /// How far it is now.
    mutating func read(at now: Int) -> ProgressReading {
        var reading = reading
        let first = samples.first ?? (phaseStartedAt, 0)
        reading.rate = Int(min(9e18, Double(reading.bytes - first.bytes) / max(1e-3, Double(now - first.at) / 1e9)))
        guard let done = reading.part else { return reading }
        furthest = max(furthest, min(1, (Double(phase - 1) + done) / Double(phases)))
        reading.fraction = furthest
        // The first moments say nothing of the rest.
        guard done >= 0.01 || now - phaseStartedAt >= 10_000_000_000 else { return reading }
        if phase == phases, let total = reading.totalBytes {
            if reading.rate > 0 { reading.secondsLeft = max(0, total - reading.bytes) / reading.rate + (reading.bytes < total ? 1 : 0) }
        } else if furthest > 0, let startedAt {
            // Of what comes after this phase no more is known than how many phases that is.
            let elapsed = Double(now - startedAt) / 1e9
            reading.secondsLeft = Int(elapsed * (1 - furthest) / furthest) + 1
        }
        return reading
    }
}
