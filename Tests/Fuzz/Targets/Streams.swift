import RxCrypto
import RxModel

@testable import RxArchive
@testable import RxServer

extension FuzzTarget {
    /// Streams of bytes: archives, batches of blobs, compressed bodies, forms.
    static let streams: [FuzzTarget] = [
        FuzzTarget("archive", longest: 1500) { bytes in
            try checkArchive(bytes) { try readArchive(BytesSource(bytes), limits: $0, select: { $0 }, stage: $1) }
        },
        // The tar alone, without gzip, whose checksums few inputs get right: the first byte says what is mended in it, and whether half of
        // the files is left out.
        FuzzTarget("tar", longest: 2561) { bytes in
            let tar = mendedTar(bytes)
            let leavesOut = (bytes.first ?? 0) & 4 != 0
            try checkArchive(bytes) { limits, stage in
                try readTar(
                    BytesSource(tar), limits: limits, select: { leavesOut && $0.text.utf8.count % 2 == 1 ? nil : $0 }, stage: stage)
            }
        },
        FuzzTarget("batch", longest: 2561) { bytes in
            guard let blobs = try? readBlobs(BytesSource(mendedTar(bytes)), limits(bytes)) else { return }
            let sink = BytesSink()
            let writer = BatchWriter(to: sink, bufferBytes: bufferBytes(bytes) * 4)
            for blob in blobs { try writer.add(blob.digest, size: blob.bytes.count, content: BytesSource(blob.bytes)) }
            try writer.finish()
            try must(sink.bytes.count == BatchWriter.length(blobs.map(\.bytes.count)), "a stream has another length than was said")
            let again = try accepted("a stream, as written again,") { try readBlobs(BytesSource(sink.bytes), limits(bytes)) }
            try must(again == blobs, "a stream is read as another")
        },
        // The first byte says in what pieces the rest comes.
        FuzzTarget("stream", longest: 1024) { bytes in
            var input = Input(bytes)
            let piece = Int(input.byte()) + 1
            // The first bytes tell whether it is gzip, zstd or neither.
            let whole = try? DecodingSource(BytesSource(input.all), bufferBytes: 1024).drained(limit: 64 << 10)
            let pieces = try? DecodingSource(PiecesSource(input.all, piece), bufferBytes: 1 + piece % 64).drained(limit: 64 << 10)
            try must(whole == pieces, "a stream that comes in pieces of \(piece) is another")
        },
        // A Content-Type, a line feed, and the body.
        FuzzTarget("multipart", longest: 600) { bytes in
            var input = Input(bytes)
            let type = input.line()
            let piece = 1 + input.rest.count % 7
            let whole = form(type, input.all, piece: input.rest.count)
            try must(whole == form(type, input.all, piece: piece), "a form that comes in pieces of \(piece) is another")
        },
    ]

    /// Short buffers, that inputs span them and little is spent on them; of the input's length.
    private static func bufferBytes(_ bytes: [UInt8]) -> Int { TarHeader.block << (bytes.count & 3) }

    private static func limits(_ bytes: [UInt8]) -> ArchiveLimits {
        var limits = ArchiveLimits(maxEntries: 200, maxUnpackedBytes: 256 << 10, maxNameBytes: 32 << 10)
        limits.bufferBytes = bufferBytes(bytes)
        return limits
    }

    private typealias Stage = (any ByteSource) throws -> (digest: Digest, size: Int)

    /// An archive that is accepted has sound paths, and is the same when it is written again: every fourth is, since that takes longest.
    private static func checkArchive(_ bytes: [UInt8], read: (ArchiveLimits, Stage) throws -> [ResourceFile]) throws {
        let limits = limits(bytes)
        var contents: [Digest: [UInt8]] = [:]
        func stage(_ source: any ByteSource) throws -> (digest: Digest, size: Int) {
            let content = try source.drained(limit: limits.maxUnpackedBytes)
            let digest = sha256(content)
            contents[digest] = content
            return (digest, content.count)
        }
        guard let files = try? read(limits, stage) else { return }
        for file in files {
            try must((try? FilePath(parsing: file.path.text)) == file.path, "\(file.path) is no path")
            try must(contents[file.digest]?.count == file.size, "\(file.path) is not \(file.size) bytes")
        }
        guard bytes.prefix(512).reduce(0, &+) & 3 == 0 else { return }
        let sink = BytesSink()
        let writer = ArchiveWriter(to: sink, bufferBytes: limits.bufferBytes)
        try accepted("what an archive holds") {
            for file in files { try writer.add(file) { BytesSource(contents[$0] ?? []) } }
            try writer.finish()
        }
        let again = try accepted("an archive, as written again,") {
            try readArchive(BytesSource(sink.bytes), limits: limits, stage: stage)
        }
        try must(again == files.map(\.plain), "an archive is read as another")
    }

    private struct Blob: Equatable {
        let digest: Digest
        let bytes: [UInt8]
    }

    private static func readBlobs(_ source: any ByteSource, _ limits: ArchiveLimits) throws -> [Blob] {
        let reader = try BatchReader(source, limits: limits)
        var blobs: [Blob] = []
        while let entry = try reader.next() {
            let bytes = try reader.drained(limit: limits.maxUnpackedBytes)
            guard bytes.count == entry.size else { throw Broken(description: "\(entry) has \(bytes.count) bytes") }
            blobs.append(Blob(digest: entry.digest, bytes: bytes))
        }
        return blobs
    }

    /// What a form is read as.
    private enum FormEvent: Equatable {
        case partBegan(MultipartReader.Part)
        case content([UInt8])
        case partEnded
        case broken(String)
        case complete, cut
    }

    /// What a form is read as, nil for none; what follows a mistake is left out.
    private static func form(_ type: String, _ bytes: [UInt8], piece: Int) -> [FormEvent]? {
        guard var reader = try? MultipartReader(contentType: type) else { return nil }
        var events: [FormEvent] = []
        var content: [UInt8] = []
        func end() {
            if !content.isEmpty { events.append(.content(content)) }
            content = []
        }
        do {
            for start in stride(from: 0, to: bytes.count, by: max(piece, 1)) {
                try Array(bytes[start..<min(start + piece, bytes.count)]).withUnsafeBytes { piece in
                    try reader.read(piece) { event in
                        switch event {
                        case .partBegan(let part): events.append(.partBegan(part))
                        case .content(let bytes): content += bytes
                        case .partEnded:
                            end()
                            events.append(.partEnded)
                        }
                    }
                }
            }
        } catch { events.append(.broken((error as? RegistryError)?.message ?? "\(error)")) }
        end()
        return events + [reader.isComplete ? .complete : .cut]
    }
}

extension ResourceFile {
    /// The file as an archive holds it: a symlink is never executable.
    fileprivate var plain: ResourceFile {
        ResourceFile(path: path, digest: digest, size: size, executable: symlink == nil && executable, symlink: symlink)
    }
}

/// Bytes that come a few at a time.
final class PiecesSource: ByteSource {
    private let source: BytesSource
    private let piece: Int

    init(_ bytes: [UInt8], _ piece: Int) {
        source = BytesSource(bytes)
        self.piece = piece
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        source.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(piece, buffer.count)]))
    }
}

extension ByteSource {
    /// All that is left, read in small pieces: the product's buffers would cost more than what is checked.
    func drained(limit: Int) throws -> [UInt8] {
        let sink = BytesSink(limit: limit)
        try withUnsafeTemporaryAllocation(byteCount: 1000, alignment: 16) { buffer in
            while case let count = try read(into: buffer), count > 0 { try sink.write(UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
        }
        return sink.bytes
    }
}
