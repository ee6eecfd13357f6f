import Foundation
import RxCrypto
import RxModel
import RxTesting
import Testing

@testable import RxArchive

/// The archives of Specs/vectors/archive, and what Specs/04-archive says of each.
@Suite struct `archive vectors` {
    /// One archive and what reading it gives.
    struct Vector: CustomTestStringConvertible, Sendable {
        let json: JSON
        var testDescription: String { "\(json["rule"]?.string ?? ""): \(json["name"]?.string ?? "")" }

        var limits: ArchiveLimits {
            var limits = ArchiveLimits()
            if let entries = json["maxEntries"]?.int { limits.maxEntries = entries }
            if let bytes = json["maxUnpackedBytes"]?.int { limits.maxUnpackedBytes = bytes }
            return limits
        }

        func archive() throws -> [UInt8] {
            let name = try #require(json["file"]?.string)
            return [UInt8](try Data(contentsOf: repositoryRoot.appendingPathComponent("Specs/vectors/archive/\(name)")))
        }
    }

    static let all: Result<[Vector], any Error> = Result { try vectors("archive").map(Vector.init) }

    @Test func `there are some of both kinds`() throws {
        let vectors = try Self.all.get()
        #expect(vectors.contains { $0.json["files"] != nil })
        #expect(vectors.contains { $0.json["error_contains"] != nil })
    }

    @Test(arguments: (try? all.get()) ?? []) func `every archive gives its files or is refused`(vector: Vector) throws {
        let archive = try vector.archive()
        for (step, bufferBytes) in [(archive.count + 1, streamBufferSize), (13, streamBufferSize), (archive.count + 1, 512)] {
            let source = TricklingSource(archive, step: step)
            var limits = vector.limits
            limits.bufferBytes = bufferBytes
            if let expected = vector.json["files"]?.array {
                let files = try readArchive(source, limits: limits, stage: Blobs().stage)
                #expect(try files == expected.map(file))
                #expect(treeDigest(files).description == vector.json["tree"]?.string)
            } else {
                let reason = try #require(vector.json["error_contains"]?.string)
                let error = #expect(throws: ContentError.self) { try readArchive(source, limits: limits, stage: Blobs().stage) }
                let message = try #require(error?.message)
                #expect(reason.isEmpty || message.contains(reason))
                if let entry = vector.json["entry"]?.string { #expect(message.hasPrefix("entry \(JSON.string(entry).text): ")) }
            }
        }
    }

    private func file(_ json: JSON) throws -> ResourceFile {
        ResourceFile(
            path: try FilePath(parsing: try #require(json["path"]?.string)),
            digest: try #require(Digest(hex: json["sha256"]?.string ?? "")),
            size: try #require(json["size"]?.int), executable: json["executable"] == .bool(true), symlink: json["symlink"]?.string)
    }
}
