import RxHTTP

/// What a server asks for before it answers: a scheme and its parameters. Source: RFC 9110, section 11.6.1.
struct Challenge: Equatable {
    /// The scheme, in lower case.
    var scheme: String
    /// The parameters, their names in lower case; of a name given twice, the first.
    var parameters: [String: String] = [:]
    /// What stands in place of parameters.
    var token: String?

    /// The challenges of the lines of a `WWW-Authenticate` header, each of which may hold several. Reading a line stops where it breaks
    /// the grammar.
    static func parse(_ lines: [String]) -> [Challenge] { lines.flatMap(parse) }

    private static func parse(_ line: String) -> [Challenge] {
        var text = FieldReader(line)
        var challenges: [Challenge] = []
        while true {
            text.skip(FieldReader.isSpaceOrComma)
            let scheme = text.token()
            guard !scheme.isEmpty else { return challenges }
            var challenge = Challenge(scheme: scheme.lowercased())
            if text.first.map(FieldReader.isSpace) == true {
                if let token = token68(&text) {
                    challenge.token = token
                } else {
                    while let (name, value) = parameter(&text) {
                        if challenge.parameters[name] == nil { challenge.parameters[name] = value }
                    }
                }
            }
            challenges.append(challenge)
        }
    }

    /// Takes `name=value` behind white space and commas; nil, and nothing taken, when what comes is another challenge.
    private static func parameter(_ text: inout FieldReader) -> (String, String)? {
        var next = text
        next.skip(FieldReader.isSpaceOrComma)
        let name = next.token().lowercased()
        guard !name.isEmpty, next.takeBehindSpace(UInt8(ascii: "=")) else { return nil }
        next.skip(FieldReader.isSpace)
        // A URL without quotes holds what no token may; it ends at a comma.
        let value = next.quoted() ?? next.token(endedBy: ", \t")
        text = next
        return (name, value)
    }

    /// Takes a lone word such as base64 behind white space: it ends with the challenge, and any `=` are its last bytes.
    private static func token68(_ text: inout FieldReader) -> String? {
        var next = text
        next.skip(FieldReader.isSpace)
        var token = next.token()
        guard !token.isEmpty else { return nil }
        while next.take(UInt8(ascii: "=")) { token += "=" }
        next.skip(FieldReader.isSpace)
        guard next.isAtEnd || next.first == UInt8(ascii: ",") else { return nil }
        text = next
        return token
    }
}
