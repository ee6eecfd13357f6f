import RxCrypto
import RxModel

@testable import RxArchive
@testable import RxServer

extension FuzzTarget {
    /// Streams of bytes: archives, batches of blobs, compressed bodies, forms.
    static let streams: [FuzzTarget] = [
        FuzzTarget("archive", longest: 1500) { try checkArchive($0) },
        // The same behind the gzip layer, whose checksums few inputs get right: the first byte says what is mended in the tar, and whether
        // half of the files is left out.
        FuzzTarget("tar", longest: 3072) { bytes in
            try checkArchive(storedGzip(mendedTar(bytes)), leavesOut: (bytes.first ?? 0) & 4 != 0)
        },
        FuzzTarget("batch", longest: 3072) { bytes in
            guard let blobs = try? readBlobs(BytesSource(mendedTar(bytes))) else { return }
            let sink = BytesSink()
            let writer = BatchWriter(to: sink)
            for blob in blobs { try writer.add(blob.digest, size: blob.bytes.count, content: BytesSource(blob.bytes)) }
            try writer.finish()
            try must(sink.bytes.count == BatchWriter.length(blobs.map(\.bytes.count)), "a stream has another length than was said")
            let again = try accepted("a stream, as written again,") { try readBlobs(BytesSource(sink.bytes)) }
            try must(again == blobs, "a stream is read as another")
        },
        // The first byte says in what pieces the rest comes.
        FuzzTarget("stream", longest: 1024) { bytes in
            var input = Input(bytes)
            let piece = Int(input.byte()) + 1
            // The first bytes tell whether it is gzip, zstd or neither.
            let whole = try? DecodingSource(BytesSource(input.all)).readAll(limit: 64 << 10)
            let pieces = try? DecodingSource(PiecesSource(input.all, piece)).readAll(limit: 64 << 10)
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

    private static let limits = ArchiveLimits(maxEntries: 200, maxUnpackedBytes: 256 << 10, maxNameBytes: 32 << 10)

    /// An archive that is accepted has sound paths, and is the same when it is written again.
    private static func checkArchive(_ bytes: [UInt8], leavesOut: Bool = false) throws {
        var contents: [Digest: [UInt8]] = [:]
        func read(_ bytes: [UInt8]) throws -> [ResourceFile] {
            try readArchive(
                BytesSource(bytes), limits: limits, select: { leavesOut && $0.text.utf8.count % 2 == 1 ? nil : $0 },
                stage: { source in
                    let content = try source.readAll(limit: limits.maxUnpackedBytes)
                    let digest = sha256(content)
                    contents[digest] = content
                    return (digest, content.count)
                })
        }
        guard let files = try? read(bytes) else { return }
        for file in files {
            try must((try? FilePath(parsing: file.path.text)) == file.path, "\(file.path) is no path")
            try must(contents[file.digest]?.count == file.size, "\(file.path) is not \(file.size) bytes")
        }
        let sink = BytesSink()
        try accepted("what an archive holds") { try writeArchive(files: files, to: sink) { BytesSource(contents[$0] ?? []) } }
        let again = try accepted("an archive, as written again,") { try read(sink.bytes) }
        try must(again == files.map(\.plain), "an archive is read as another")
    }

    private struct Blob: Equatable {
        let digest: Digest
        let bytes: [UInt8]
    }

    private static func readBlobs(_ source: any ByteSource) throws -> [Blob] {
        let reader = try BatchReader(source, limits: limits)
        var blobs: [Blob] = []
        while let entry = try reader.next() {
            let bytes = try reader.readAll(limit: limits.maxUnpackedBytes)
            guard bytes.count == entry.size else { throw Broken(description: "\(entry) has \(bytes.count) bytes") }
            blobs.append(Blob(digest: entry.digest, bytes: bytes))
        }
        return blobs
    }

    /// What a form is read as, in words; what follows a mistake is left out.
    private static func form(_ type: String, _ bytes: [UInt8], piece: Int) -> [String] {
        guard var reader = try? MultipartReader(contentType: type) else { return ["no form"] }
        var events: [String] = []
        var content: [UInt8] = []
        func end() {
            if !content.isEmpty { events.append("\(content)") }
            content = []
        }
        do {
            for start in stride(from: 0, to: bytes.count, by: max(piece, 1)) {
                try Array(bytes[start..<min(start + piece, bytes.count)]).withUnsafeBytes { piece in
                    try reader.read(piece) { event in
                        switch event {
                        case .partBegan(let part): events.append("\(part)")
                        case .content(let bytes): content += bytes
                        case .partEnded:
                            end()
                            events.append("end")
                        }
                    }
                }
            }
        } catch { events.append("broken: \(error)") }
        end()
        return events + [reader.isComplete ? "complete" : "cut"]
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
