/// Puts right what few inputs would have right by chance. The first byte says what: 1 the headers' checksums, 2 the end mark.
func mendedTar(_ input: [UInt8]) -> [UInt8] {
    guard let flags = input.first else { return [] }
    var tar = Array(input.dropFirst())
    if flags & 1 != 0 {
        var header = 0
        while header + 512 <= tar.count, tar[header] != 0 {
            let size = octal(tar[(header + 124)..<(header + 136)])
            tar.replaceSubrange((header + 148)..<(header + 156), with: repeatElement(UInt8(ascii: " "), count: 8))
            var sum = tar[header..<(header + 512)].reduce(0) { $0 + Int($1) }
            for digit in (0..<6).reversed() {
                tar[header + 148 + digit] = UInt8(ascii: "0") + UInt8(sum & 7)
                sum >>= 3
            }
            tar[header + 154] = 0
            header += 512 + (size + 511) / 512 * 512
        }
    }
    if flags & 2 != 0 { tar += repeatElement(0, count: 1024 + -tar.count & 511) }
    return tar
}

/// The number in a size field; 0 for what is none or longer than any input.
private func octal(_ field: ArraySlice<UInt8>) -> Int {
    let digits = field.drop { $0 == 0x20 }.prefix { UInt8(ascii: "0")...UInt8(ascii: "7") ~= $0 }
    let size = digits.reduce(0) { $0 << 3 | Int($1 & 7) }
    return size < 1 << 20 ? size : 0
}
