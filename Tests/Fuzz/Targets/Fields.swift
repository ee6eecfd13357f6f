import RxModel
import RxProtocol

@testable import RxClient
@testable import RxHTTP
@testable import RxServer

extension FuzzTarget {
    /// The values of HTTP's header fields.
    static let fields: [FuzzTarget] = [
        .text("range", longest: 100) { text in
            for length in [0, 1, 10, 1 << 40, Int.max] {
                let range = ByteRange(text, length: length)
                guard case .part(let part) = range else { continue }
                try must(!part.isEmpty && part.lowerBound >= 0 && part.upperBound <= length, "\(text) of \(length) is \(part)")
                let written = range.contentRange(length: length)
                try must(BlobDownload.start(written) == part.lowerBound, "\(written ?? "") is not read back")
            }
            if let start = BlobDownload.start(text) { try must(start >= 0, "\(text) begins at \(start)") }
            if let held = UploadPlace.held(text) { try must(held >= 0, "\(text) holds \(held)") }
            for status in [200, 206, 404, 416, 500] {
                guard case .take(let skipped) = BlobDownload(size: 100, received: 50).action(status: status, contentRange: text) else {
                    continue
                }
                try must(0...50 ~= skipped, "\(text) passes over \(skipped) bytes")
            }
        },
        .text("field", longest: 300) { text in
            let value = HeaderValue(text)
            _ = (value.main, value.parameters)
            for tag in EntityTag.list(text) {
                try must(EntityTag.list(tag.description) == [tag], "\(tag) is read as another")
                try must(tag.matches(ifNoneMatch: text), "\(tag) is not in \(text)")
            }
            _ = (EntityTag("a").allows(ifRange: text), RxHTTP.ContentCoding.preferred(text))
            if let seconds = HTTPDate.seconds(text, now: 1_800_000_000) {
                try must(-70_000_000_000...300_000_000_000 ~= seconds, "\(text) is \(seconds)")
            }
            if let seconds = Timestamp.seconds(text) {
                try must(Timestamp.seconds(Timestamp.text(seconds)) == seconds, "\(text) is \(seconds), \(Timestamp.text(seconds))")
            }
            var headers = HTTPHeaders()
            for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
                let halves = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map { String($0).trimmed }
                headers.append(halves[0], halves.count > 1 ? halves[1] : "")
            }
            _ = headers.contains("close", in: "Connection")
            if case .known(let length)? = try? BodyFraming(headers) { try must(length > 0, "a body of \(length) bytes") }
            if let digest = ContentDigest(ofAnyAlgorithm: text) {
                try must(ContentDigest(ofAnyAlgorithm: digest.description) == digest, "\(digest) is read as another")
            }
            if (try? DistributionName.checkWritable(text)) != nil {
                try must(!text.contains("..") && !text.hasPrefix("/") && text.utf8.count <= 255, "\(text) is a name")
            }
        },
        .text("link", longest: 300) { text in
            let links = LinkHeader.links(text)
            let written = links.map { "<\($0.target)>; rel=\(quoted($0.relations.joined(separator: " ")))" }.joined(separator: ", ")
            try must(LinkHeader.links(written) == links, "\(written) is read as \(LinkHeader.links(written))")
            if let next = LinkHeader.next(["Link": text]) { try must(!next.utf8.contains(UInt8(ascii: ">")), "\(next) has no end") }
        },
        .text("challenge", longest: 300) { text in
            for challenge in Challenge.parse([text]) {
                let pairs = challenge.parameters.sorted { $0.key < $1.key }.map { "\($0.key)=\(quoted($0.value))" }
                let written = "\(challenge.scheme) \(challenge.token ?? pairs.joined(separator: ", "))"
                try must(Challenge.parse([written]) == [challenge], "\(written) is read as \(Challenge.parse([written]))")
                guard let grant = TokenGrant(challenge) else { continue }
                _ = grant.purpose
                for credential in [nil, .password(user: "u", secret: "s"), Credential.identity(token: "t")] {
                    let request = grant.request(credential, client: "rx")
                    try must(!request.url.utf8.contains(UInt8(ascii: "#")) || request.method == "POST", "\(request.url) hides its end")
                }
            }
        },
    ]

    private static func quoted(_ text: String) -> String {
        let bytes = text.utf8.flatMap { $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") ? [UInt8(ascii: "\\"), $0] : [$0] }
        return "\"\(String(decoding: bytes, as: UTF8.self))\""
    }
}
