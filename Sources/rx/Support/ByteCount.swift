/// A number of bytes as it is typed: a whole number, maybe with `K`, `M` or `G` (KiB, MiB, GiB).
struct ByteCount {
    let bytes: Int

    init(parsing text: String) throws(UsageError) {
        let units: [Character: Int] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30]
        let unit = text.last.flatMap { units[$0] }
        guard let number = Int(unit == nil ? text : String(text.dropLast())), number >= 0,
            case let (bytes, overflow) = number.multipliedReportingOverflow(by: unit ?? 1), !overflow
        else { throw UsageError(message: "\"\(text)\" is no number of bytes", hint: "write it like 4194304, 4096K, 4M or 1G") }
        self.bytes = bytes
    }
}
