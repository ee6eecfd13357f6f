/// The text of a Markdown document's first heading: `# Title`, `## Title` and so on, or a line underlined with `===` or `---`.
///
/// Front matter (between `---` lines at the very start) and fenced code are passed over. Nil when there is no heading with a text.
/// Source: CommonMark 0.31, sections 4.2, 4.3, 4.5.
func firstHeading(ofMarkdown text: String) -> String? {
    var lines = text.utf8.split(omittingEmptySubsequences: false) { $0 == 0x0A || $0 == 0x0D }[...]
    if lines.first?.starts(with: [0xEF, 0xBB, 0xBF]) == true { lines[0] = lines[0].dropFirst(3) }
    if let first = lines.first, isFrontMatterFence(first), let end = lines.dropFirst().firstIndex(where: isFrontMatterFence) {
        lines = lines[(end + 1)...]
    }
    var fence: (mark: UInt8, count: Int)?
    var paragraph: String?
    for line in lines {
        let indent = line.prefix { $0 == 0x20 }.count
        let body = line.dropFirst(indent)
        guard indent <= 3 else { continue }
        let ticks = body.prefix { $0 == body.first }.count
        if let open = fence {
            if body.first == open.mark, ticks >= open.count, body.dropFirst(ticks).allSatisfy(isBlank) { fence = nil }
            continue
        }
        if ticks >= 3, let mark = body.first, mark == UInt8(ascii: "`") || mark == UInt8(ascii: "~") {
            fence = (mark, ticks)
            paragraph = nil
            continue
        }
        if let title = atxTitle(body) {
            if !title.isEmpty { return title }
            paragraph = nil
            continue
        }
        if let paragraph, isUnderline(body) { return paragraph }
        paragraph = startsBlock(body) ? nil : trimmed(body)
        if paragraph?.isEmpty == true { paragraph = nil }
    }
    return nil
}

/// The text behind one to six `#`, without those that close it; nil when the line is no such heading.
private func atxTitle(_ line: Substring.UTF8View) -> String? {
    let marks = line.prefix { $0 == UInt8(ascii: "#") }.count
    var rest = line.dropFirst(marks)
    guard 1...6 ~= marks, rest.first.map(isBlank) ?? true else { return nil }
    while rest.last.map(isBlank) == true { rest = rest.dropLast() }
    var closed = rest
    while closed.last == UInt8(ascii: "#") { closed = closed.dropLast() }
    if closed.last.map(isBlank) ?? true { rest = closed }
    return trimmed(rest)
}

private func isUnderline(_ line: Substring.UTF8View) -> Bool {
    guard let mark = line.first, mark == UInt8(ascii: "=") || mark == UInt8(ascii: "-") else { return false }
    return line.drop { $0 == mark }.allSatisfy(isBlank)
}

private func isFrontMatterFence(_ line: Substring.UTF8View) -> Bool {
    line.starts(with: "---".utf8) && line.dropFirst(3).allSatisfy(isBlank)
}

/// Whether a line cannot be the text of an underlined heading: a list item, a quotation, HTML, a table.
private func startsBlock(_ line: Substring.UTF8View) -> Bool {
    switch line.first {
    case UInt8(ascii: ">"), UInt8(ascii: "<"), UInt8(ascii: "|"): true
    case UInt8(ascii: "-"), UInt8(ascii: "*"), UInt8(ascii: "+"): line.dropFirst().first.map(isBlank) ?? true
    default: false
    }
}

private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

private func trimmed(_ line: Substring.UTF8View) -> String {
    var line = line.drop(while: isBlank)
    while line.last.map(isBlank) == true { line = line.dropLast() }
    return String(Substring(line))
}
