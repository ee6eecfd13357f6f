import RxCrypto
import RxModel
import Testing

@Suite struct `Digests` {
    @Test func `read back what they write and nothing else`() throws {
        let digest = sha256(Array("abc".utf8))
        #expect(digest.hex == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(Digest(digest.description) == digest)
        #expect(Digest(bytes: digest.bytes) == digest)
        for wrong in [
            "", "sha256:", digest.hex.uppercased(), "sha256:\(digest.hex)0", "sha512:\(digest.hex)", "sha256:\(digest.hex.dropLast())",
            "sha256:\(digest.hex.dropLast())é", "sha256:\u{301}\(digest.hex)",
        ] {
            #expect(Digest(wrong) == nil, "\(wrong)")
        }
    }

    @Test func `are read from digits in memory, each of them checked`() {
        let digits = Array(sha256(Array("abc".utf8)).hex.utf8)
        func read(_ digits: [UInt8]) -> Digest? { digits.withUnsafeBytes { Digest(rawHex: $0) } }
        #expect(read(digits)?.hex == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(read(Array(digits.dropLast())) == nil && read(digits + [0x30]) == nil)
        for place in digits.indices {
            for byte in UInt8.min...UInt8.max {
                var other = digits
                other[place] = byte
                #expect(read(other)?.hex == Digest(hex: String(decoding: other, as: UTF8.self))?.hex, "\(byte) at \(place)")
            }
        }
    }

    @Test func `of other algorithms are read back too`() {
        let digits = String(repeating: "ab", count: 64)
        #expect(ContentDigest("sha512:\(digits)") == .sha512(digits))
        for wrong in ["sha512:", "sha512:\(digits)0", "sha512:\u{301}\(digits)"] { #expect(ContentDigest(wrong) == nil, "\(wrong)") }
    }

    @Test func `of algorithms that are not known have a length that fits into a header`() {
        #expect(ContentDigest(ofAnyAlgorithm: "x:" + String(repeating: "a", count: 510)) != nil)
        #expect(ContentDigest(ofAnyAlgorithm: "x:" + String(repeating: "a", count: 511)) == nil)
    }

    @Test func `hash differently when they differ anywhere, so that nobody can make a set of them slow`() {
        let digests = (0..<32).map { position in Digest(bytes: (0..<32).map { UInt8($0 == position ? 1 : 0) })! }
        #expect(Set(digests.map(\.hashValue)).count == digests.count)
    }

    @Test func `are ordered as their texts are`() throws {
        let digests = (0..<100).map { sha256([UInt8($0)]) }
        #expect(digests.sorted().map(\.hex) == digests.map(\.hex).sorted())
    }

    @Test func `of pieces equal the digest of the whole`() throws {
        let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let hasher = SHA256Hasher()
        for round in 0..<2 {
            bytes.withUnsafeBytes { raw in
                for start in stride(from: 0, to: raw.count, by: 777) {
                    hasher.update(UnsafeRawBufferPointer(rebasing: raw[start..<min(start + 777, raw.count)]))
                }
            }
            #expect(hasher.finish() == sha256(bytes), "round \(round)")
        }
    }

    @Test func `make a verifying source throw before the end for every changed, missing or added byte`() throws {
        let bytes: [UInt8] = Array("some content".utf8)
        let digest = sha256(bytes)
        #expect(try VerifyingSource(BytesSource(bytes), digest: digest, size: bytes.count).readAll() == bytes)
        for index in bytes.indices {
            var changed = bytes
            changed[index] ^= 1
            #expect(throws: ContentError.self) { try VerifyingSource(BytesSource(changed), digest: digest, size: bytes.count).readAll() }
            #expect(throws: ContentError.self) {
                try VerifyingSource(BytesSource(Array(bytes[..<index])), digest: digest, size: bytes.count).readAll()
            }
        }
        #expect(throws: ContentError.self) { try VerifyingSource(BytesSource(bytes + [0]), digest: digest, size: bytes.count).readAll() }
    }
}
