/// A date as header fields write it (RFC 9110, section 5.6.7).
public enum HTTPDate {
    private static let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]

    /// The seconds since 1970 of `Sun, 06 Nov 1994 08:49:37 GMT`, or of one of the two older forms that recipients must take:
    /// `Sunday, 06-Nov-94 08:49:37 GMT` and `Sun Nov  6 08:49:37 1994`. Nil for anything else. A year of two digits is the one that
    /// is at most 50 years ahead of `now`.
    public static func seconds(_ text: String, now: Int) -> Int? {
        let words = text.split { $0 == " " || $0 == "," }.map(String.init)
        // The name of the day stands first in every form and says nothing that the rest does not.
        switch words.count {
        case 6 where words[5] == "GMT": return seconds(day: words[1], words[2], year: words[3], words[4], now)
        case 5: return seconds(day: words[2], words[1], year: words[4], words[3], now)
        case 4 where words[3] == "GMT":
            let date = words[1].split(separator: "-", omittingEmptySubsequences: false).map(String.init)
            return date.count == 3 ? seconds(day: date[0], date[1], year: date[2], words[2], now) : nil
        default: return nil
        }
    }

    private static func seconds(day: String, _ name: String, year: String, _ time: String, _ now: Int) -> Int? {
        let parts = time.split(separator: ":", omittingEmptySubsequences: false).map { number($0) }
        guard let month = months.firstIndex(of: name.lowercased()), let day = number(day[...]), let written = number(year[...]),
            parts.count == 3, let hour = parts[0], let minute = parts[1], let second = parts[2],
            1...31 ~= day, 0...23 ~= hour, 0...59 ~= minute, 0...60 ~= second, year.utf8.count == 2 || year.utf8.count == 4
        else { return nil }
        var full = written
        if year.utf8.count == 2 {
            let latest = 1970 + now / 31_556_952 + 50
            full = latest - (latest - written) % 100
        }
        return ((days(full, month + 1, day) * 24 + hour) * 60 + minute) * 60 + second
    }

    private static func number(_ text: Substring) -> Int? {
        text.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 } && text.utf8.count <= 4 ? Int(text) : nil
    }

    /// The days from 1970-01-01 to a day of the Gregorian calendar; a year begins in March here, so that the leap day ends it.
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let year = month <= 2 ? year - 1 : year
        let ofYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return year * 365 + year / 4 - year / 100 + year / 400 + ofYear - 719_468
    }
}
