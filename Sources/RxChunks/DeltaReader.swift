package import RxModel

/// The blob that a delta makes, read while it is made: nothing of it is held. The reader verifies the whole by its digest.
///
/// Source: Specs/13-chunks, "Assembling".
package final class DeltaReader: ByteSource {
    private enum Part {
        case none
        case fresh(left: Int)
        case copy(RegionSource)
    }

    private let body: any ByteSource
    private let open: (Digest) throws -> any ByteRegion
    private let size: Int
    private var regions: [any ByteRegion]?
    private var part = Part.none
    private var made = 0
    /// The bases that were named.
    package private(set) var bases: [Digest] = []
    /// The parts as far as they were read.
    package private(set) var parts: [Delta.Part] = []
    /// How many bytes of bases and of the body may be used over and over.
    private var given = 0

    /// Each byte of the bases and of the body may be used so often on average.
    package static let useLimit = 4

    /// Makes a blob of `size` bytes from what `body` says; `open` gives a base's bytes, or throws when it may not be used.
    package init(_ body: any ByteSource, size: Int, open: @escaping (Digest) throws -> any ByteRegion) {
        self.body = body
        self.size = size
        self.open = open
    }

    /// Throws `ContentError` for a delta that is malformed, reaches outside its bases, or does not make `size` bytes.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        if regions == nil { regions = try readBases() }
        while true {
            switch part {
            case .none:
                guard try readPart() else {
                    guard made == size else { throw DeltaReader.malformed("it makes \(made) of \(size) bytes") }
                    return 0
                }
            case .fresh(let left):
                let count = try body.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(left, buffer.count)]))
                guard count > 0 else { throw DeltaReader.malformed("it ends within a part") }
                part = count == left ? .none : .fresh(left: left - count)
                return count
            case .copy(let source):
                let count = try source.read(into: buffer)
                if count > 0 { return count }
                part = .none
            }
        }
    }

    private func readBases() throws -> [any ByteRegion] {
        guard let count = try take(1).first, 1...Delta.baseLimit ~= Int(count) else {
            throw DeltaReader.malformed("it names no base, or more than \(Delta.baseLimit)")
        }
        var regions: [any ByteRegion] = []
        for _ in 0..<count {
            guard let digest = Digest(bytes: try take(32)) else { throw DeltaReader.malformed("it ends within a digest") }
            bases.append(digest)
            let region = try open(digest)
            given += region.count
            regions.append(region)
        }
        return regions
    }

    /// Begins the next part; false at the end.
    private func readPart() throws -> Bool {
        guard let kind = try take(1).first else { return false }
        let length = try number()
        guard length > 0, length <= size - made else { throw DeltaReader.malformed("its parts are more than \(size) bytes, or empty") }
        guard parts.count < Delta.partLimit else { throw DeltaReader.malformed("it has more than \(Delta.partLimit) parts") }
        if kind == 0 {
            part = .fresh(left: length)
            given += length
            parts.append(.fresh(made..<made + length))
        } else {
            guard let regions, regions.indices.contains(Int(kind) - 1) else { throw DeltaReader.malformed("a part names no base") }
            let offset = try number()
            let region = regions[Int(kind) - 1]
            guard offset <= region.count, length <= region.count - offset else {
                throw DeltaReader.malformed("a part reaches behind its base")
            }
            part = .copy(RegionSource(region, offset..<offset + length))
            parts.append(.copy(base: Int(kind) - 1, offset..<offset + length))
        }
        made += length
        // A few bytes must not ask for the work of many.
        guard made / DeltaReader.useLimit <= given else {
            throw DeltaReader.malformed("it uses the same bytes more than \(DeltaReader.useLimit) times")
        }
        return true
    }

    private func number() throws -> Int {
        let bytes = try take(Delta.numberBytes)
        guard bytes.count == Delta.numberBytes else { throw DeltaReader.malformed("it ends within a number") }
        return bytes.reduce(0) { $0 << 8 | Int($1) }
    }

    /// The next bytes of the body; fewer at its end.
    private func take(_ count: Int) throws -> [UInt8] {
        try withUnsafeTemporaryAllocation(byteCount: count, alignment: 1) { buffer in
            var filled = 0
            while filled < count {
                let more = try body.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
                guard more > 0 else { break }
                filled += more
            }
            return Array(buffer[..<filled])
        }
    }

    private static func malformed(_ reason: String) -> ContentError {
        ContentError("the delta cannot be used: \(reason)", hint: "send the blob whole")
    }
}
