/// Progress in words.
enum ProgressText {
    private static let barWidth = 24
    private static let leastBarWidth = 5

    /// `pushing: 38.6 MiB of 85.8 MiB (45 %), 4,500 of 10,001 files, 92.1 MiB/s, 1 s left`.
    static func line(_ reading: ProgressReading) -> String {
        var parts = reading.isCount ? rest(reading) : [amount(reading)] + rest(reading)
        guard !parts.isEmpty else { return "\(reading.what) ..." }
        if let percent = percent(reading) { parts[0] += " (\(percent) %)" }
        return "\(reading.what): " + parts.joined(separator: ", ")
    }

    /// The same as one line of a terminal with a bar, shorter than `columns`: `pulling [####----]  45 %  38.6/85.8 MiB  4,500/10,001 files
    /// 92.1 MiB/s  1 s left`. The bar gives way first, then what matters least.
    static func bar(_ reading: ProgressReading, columns: Int) -> String {
        let amount = reading.totalBytes.map { Output.bytes(min(reading.bytes, $0), of: $0) } ?? Output.bytes(reading.bytes)
        var files: String?
        if let total = reading.totalFiles, total > 0 {
            files = "\(Output.number(min(reading.files, total)))/\(Output.count(total, "file"))"
        }
        let rate = "\(Output.bytes(reading.rate))/s"
        let left = reading.secondsLeft.flatMap { $0 > 0 ? "\(time($0)) left" : nil }
        guard let fraction = reading.fraction, let percent = percent(reading) else {
            if reading.isCount { return clipped("\(reading.what) ...", columns) }
            return clipped(([reading.what, amount] + [files, rate].compactMap { $0 }).joined(separator: "  "), columns)
        }
        let share = String(repeating: " ", count: max(0, 3 - String(percent).count)) + "\(percent) %"
        let choices =
            reading.isCount ? [[files, left], [left]] : [[amount, files, rate, left], [amount, rate, left], [amount, left], [left]]
        for details in choices {
            let rest = ([share] + details.compactMap { $0 }).joined(separator: "  ")
            let width = min(barWidth, columns - 1 - reading.what.count - rest.count - 4)
            guard width >= leastBarWidth else { continue }
            let filled = Int(fraction * Double(width))
            return "\(reading.what) [" + String(repeating: "#", count: filled) + String(repeating: "-", count: width - filled) + "] " + rest
        }
        return clipped("\(reading.what) \(share)", columns)
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
        if !reading.isCount { parts.append("\(Output.bytes(reading.rate))/s") }
        if let left = reading.secondsLeft, left > 0 { parts.append("\(time(left)) left") }
        return parts
    }

    /// The part that is done; 100 only when all is.
    private static func percent(_ reading: ProgressReading) -> Int? { reading.fraction.map { Int($0 * 100) } }

    private static func clipped(_ text: String, _ columns: Int) -> String { String(text.prefix(max(1, columns - 1))) }
}
