import RxArchive
import RxModel
import RxPosix
import RxStore

/// Makes the streams that a push sends: blobs of the local store as they lie there. They are not hashed on their way out, because whoever
/// receives them does that.
struct BlobOutlet: Sendable {
    let store: any Store
    let progress: any Progress

    /// The stream of these blobs, compressed as far as that pays, made while it is read. `manifest` goes before them.
    func stream(_ items: [FreightItem], manifest: (digest: Digest, bytes: [UInt8])? = nil) -> any ByteSource {
        BytePipe.source { sink in
            let compressor = AdaptiveCompressor(sink)
            try write(items, manifest, to: compressor)
            try compressor.finish()
        }
    }

    /// The same in memory, for what is small.
    func bytes(_ items: [FreightItem], manifest: (digest: Digest, bytes: [UInt8])?) throws -> [UInt8] {
        let frame = BytesSink()
        let sizes = (manifest.map { [$0.bytes.count] } ?? []) + items.map(\.size)
        let compressor = ZstdSink(frame, size: BatchWriter.length(sizes))
        try write(items, manifest, to: compressor)
        try compressor.finish()
        return frame.bytes
    }

    private func write(_ items: [FreightItem], _ manifest: (digest: Digest, bytes: [UInt8])?, to sink: any ByteSink) throws {
        let writer = BatchWriter(to: sink)
        if let manifest { try writer.add(manifest.digest, size: manifest.bytes.count, content: BytesSource(manifest.bytes)) }
        for item in items {
            switch try store.content(of: StagedBlob(digest: item.digest, size: item.size)) {
            case .file(let file): try writer.add(item.digest, size: item.size) { try file.read(into: $0) }
            case .bytes(let bytes): try writer.add(item.digest, size: item.size, content: BytesSource(bytes))
            }
            progress.advance(item.size, files: 1)
        }
        try writer.finish()
    }

    /// The bytes of one blob.
    func open(_ item: FreightItem) throws -> any ByteSource {
        switch try store.content(of: StagedBlob(digest: item.digest, size: item.size)) {
        case .file(let file): FileRangeSource(file)
        case .bytes(let bytes): BytesSource(bytes)
        }
    }

    /// Reads blobs that a registry has refused, and throws for the first that is damaged here, which is set aside.
    func check(_ items: [FreightItem]) throws {
        for item in items {
            do { try BlobOutlet.readThrough(try store.open(item.digest)) } catch let error as ContentError {
                throw ContentError(
                    "blob \(item.digest) is damaged in the local store and was set aside: \(error.message)", code: .contentDamaged,
                    hint: "add or pull again what it belongs to, then push")
            }
        }
    }

    private static func readThrough(_ source: any ByteSource) throws {
        try withUnsafeTemporaryAllocation(byteCount: streamBufferSize, alignment: 16) { buffer in
            while try source.read(into: buffer) > 0 {}
        }
    }
}
