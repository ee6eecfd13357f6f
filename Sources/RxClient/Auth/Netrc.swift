import RxHTTP

/// Reads netrc files: `machine HOST login USER password SECRET`, in any layout. A `default` entry counts for nobody: a registry must be
/// named to be told a secret. Source: netrc(5), inetutils; quotes as curl reads them.
enum Netrc {
    /// The credential for a registry's `host[:port]`: of an entry for exactly that, else of one for the host.
    static func credential(for host: String, in bytes: [UInt8]) -> Credential? {
        let entries = entries(bytes)
        var names = [host]
        if !host.hasSuffix("]"), let colon = host.utf8.lastIndex(of: UInt8(ascii: ":")) { names.append(String(host[..<colon])) }
        for name in names {
            if let entry = entries.first(where: { $0.machine.lowercased() == name && $0.secret != nil }) {
                return .password(user: entry.user ?? "", secret: entry.secret ?? "")
            }
        }
        return nil
    }

    struct Entry: Equatable {
        var machine: String
        var user: String?
        var secret: String?
    }

    /// The entries of a file, without `default`.
    static func entries(_ bytes: [UInt8]) -> [Entry] {
        var words = Words(bytes)
        var entries: [Entry] = []
        var isNamed = false
        while let word = words.next() {
            switch word {
            case "machine":
                entries.append(Entry(machine: words.next() ?? ""))
                isNamed = true
            case "default": isNamed = false
            case "login", "password", "account":
                guard let value = words.next(), isNamed else { continue }
                if word == "login" { entries[entries.count - 1].user = value }
                if word == "password" { entries[entries.count - 1].secret = value }
            case "macdef": words.skipMacro()
            default: continue
            }
        }
        return entries
    }

    /// The words of a file: between white space, or in quotes; `#` at the front of a word begins a comment.
    private struct Words {
        private var rest: ArraySlice<UInt8>

        init(_ bytes: [UInt8]) { rest = bytes[...] }

        mutating func next() -> String? {
            while true {
                rest = rest.drop { $0 == 0x20 || 0x09...0x0D ~= $0 }
                guard rest.first == UInt8(ascii: "#") else { break }
                rest = rest.drop { $0 != 0x0A }
            }
            guard let first = rest.first else { return nil }
            return first == UInt8(ascii: "\"") ? quoted() : plain()
        }

        private mutating func plain() -> String {
            let word = rest.prefix { $0 != 0x20 && !(0x09...0x0D ~= $0) }
            rest = rest[word.endIndex...]
            return String(decoding: word, as: UTF8.self)
        }

        private mutating func quoted() -> String {
            var word: [UInt8] = []
            rest = rest.dropFirst()
            while let byte = rest.popFirst(), byte != UInt8(ascii: "\"") {
                guard byte == UInt8(ascii: "\\"), let escaped = rest.popFirst() else {
                    word.append(byte)
                    continue
                }
                switch escaped {
                case UInt8(ascii: "n"): word.append(0x0A)
                case UInt8(ascii: "r"): word.append(0x0D)
                case UInt8(ascii: "t"): word.append(0x09)
                default: word.append(escaped)
                }
            }
            return String(decoding: word, as: UTF8.self)
        }

        /// Leaves out a macro's name and lines, up to an empty line.
        mutating func skipMacro() {
            var isLineEmpty = false
            while let byte = rest.popFirst() {
                guard byte == 0x0A else {
                    isLineEmpty = isLineEmpty && byte == 0x0D
                    continue
                }
                if isLineEmpty { return }
                isLineEmpty = true
            }
        }
    }
}
