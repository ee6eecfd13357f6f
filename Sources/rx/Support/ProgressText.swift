/// Progress in words.
enum ProgressText {
    private static let barWidth = 24

    /// `pushing: 38.6 MiB of 85.8 MiB (45 %), 4,500 of 10,001 files, 92.1 MiB/s, 1 s left`.
    static func line(_ reading: ProgressReading) -> String {
        var parts = [amount(reading)]
        if let percent = percent(reading) { parts[0] += " (\(percent) %)" }
        return "\(reading.what): " + (parts + rest(reading)).joined(separator: ", ")
    }

    /// The same as one line of a terminal with a bar, no longer than `columns`; what does not fit is left out, the least important first.
    static func bar(_ reading: ProgressReading, columns: Int) -> String {
        let label = "\(reading.what) "
        let details = ([amount(reading)] + rest(reading)).joined(separator: ", ")
        guard let fraction = reading.fraction, let percent = percent(reading) else { return clipped(label + details, columns) }
        let filled = Int(fraction * Double(barWidth))
        let bar = "[" + String(repeating: "#", count: filled) + String(repeating: "-", count: barWidth - filled) + "] "
        let share = String(repeating: " ", count: max(0, 3 - String(percent).count)) + "\(percent) %"
        let short = [rest(reading).last, amount(reading)].compactMap { $0 }
        for text in [label + bar + share + "  " + details, label + share + "  " + details, label + bar + share] + short.map({ label + share + "  " + $0 })
        where text.count < columns { return text }
        return clipped(label + share, columns)
    }

    /// `1 h 5 min`, `4 min 10 s`, `12 s`.
    static func time(_ seconds: Int) -> String {
        if seconds >= 3600 { return "\(seconds / 3600) h \(seconds % 3600 / 60) min" }
        if seconds >= 60 { return "\(seconds / 60) min \(seconds % 60) s" }
        return "\(seconds) s"
    }

    private static func amount(_ reading: ProgressReading) -> String {
        guard let total = reading.totalBytes, total > 0 else { return Output.bytes(reading.bytes) }
        return "\(Output.bytes(min(reading.bytes, total))) of \(Output.bytes(total))"
    }

    private static func rest(_ reading: ProgressReading) -> [String] {
        var parts: [String] = []
        if let total = reading.totalFiles, total > 0 {
            parts.append("\(Output.number(min(reading.files, total))) of \(Output.count(total, "file"))")
        }
        parts.append("\(Output.bytes(reading.rate))/s")
        if let left = reading.secondsLeft, left > 0 { parts.append("\(time(left)) left") }
        return parts
    }

    /// The part that is done; 100 only when all is.
    private static func percent(_ reading: ProgressReading) -> Int? { reading.fraction.map { Int($0 * 100) } }

    private static func clipped(_ text: String, _ columns: Int) -> String { String(text.prefix(max(1, columns - 1))) }
}
