/// Lower-case hexadecimal.
package enum Hex {
    package static func text(_ bytes: some Sequence<UInt8>) -> String {
        bytes.withContiguousStorageIfAvailable(text) ?? text(Array(bytes))
    }

    private static func text(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
        String(unsafeUninitializedCapacity: 2 * bytes.count) { out in
            for (index, byte) in bytes.enumerated() {
                out[2 * index] = digit(byte >> 4)
                out[2 * index + 1] = digit(byte & 15)
            }
            return 2 * bytes.count
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") - 10 + value
    }

    /// The upper-case digit of 0 to 15, as percent-encoding wants it.
    static func upperDigit(_ value: UInt8) -> UInt8 { value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") - 10 + value }

    /// The value of one digit; upper-case digits only where `anyCase` allows them.
    package static func value(_ digit: UInt8, anyCase: Bool = false) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F") where anyCase: digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// The value of eight lower-case digits, the first in the lowest byte; nil where one is none. All are read at once, each in its byte.
    package static func value(eightDigits digits: UInt64) -> UInt32? {
        let each: UInt64 = 0x0101_0101_0101_0101
        // A letter has this bit, and a digit has not.
        let letters = (digits >> 6) & each
        let values = (digits & (0x0F * each)) + 9 * letters
        // Whatever is no digit is another byte when it is written again.
        let isLetter = ((values + 6 * each) >> 4) & each
        guard values & (0xF0 * each) == 0, values + 0x30 * each + 0x27 * isLetter == digits else { return nil }
        let pairs = (values << 4 | values >> 8) & 0x00FF_00FF_00FF_00FF
        let fours = (pairs | pairs >> 8) & 0x0000_FFFF_0000_FFFF
        return UInt32(truncatingIfNeeded: fours | fours >> 16).byteSwapped
    }
}
