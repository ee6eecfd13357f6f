import Foundation
import RxArchive
import RxCrypto
import RxModel
import RxTesting

/// Blobs in memory, as a store would keep them.
final class Blobs {
    var content: [Digest: [UInt8]] = [:]

    func stage(_ source: any ByteSource) throws -> (digest: Digest, size: Int) {
        let bytes = try source.readAll()
        let digest = sha256(bytes)
        content[digest] = bytes
        return (digest, bytes.count)
    }

    func open(_ digest: Digest) -> any ByteSource { BytesSource(content[digest]!) }
}

/// A source that gives a few bytes at a time, as a network does.
final class TricklingSource: ByteSource {
    private let source: BytesSource
    private let step: Int

    init(_ bytes: [UInt8], step: Int) {
        source = BytesSource(bytes)
        self.step = step
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        source.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(step)))
    }
}

/// A source of `count` equal bytes.
final class RepeatingSource: ByteSource {
    private var left: Int
    private let byte: UInt8

    init(_ byte: UInt8 = 0, count: Int) {
        left = count
        self.byte = byte
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(left, buffer.count)
        UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]).initializeMemory(as: UInt8.self, repeating: byte)
        left -= count
        return count
    }
}

func gzip(_ bytes: [UInt8]) throws -> [UInt8] {
    let sink = BytesSink()
    let gzip = GzipSink(sink)
    try bytes.withUnsafeBytes { try gzip.write($0) }
    try gzip.finish()
    return sink.bytes
}

func gunzip(_ bytes: [UInt8]) throws -> [UInt8] { try GzipSource(BytesSource(bytes)).readAll() }

/// Bytes that do not compress, the same in every run.
func noise(_ count: Int) -> [UInt8] {
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    return (0..<count).map { _ in
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return UInt8(truncatingIfNeeded: state >> 32)
    }
}

/// A tree with one of everything.
func sampleTree(_ blobs: Blobs) throws -> [ResourceFile] {
    func file(_ path: String, _ content: some Sequence<UInt8>, executable: Bool = false, symlink: String? = nil) throws -> ResourceFile {
        let (digest, size) = try blobs.stage(BytesSource(Array(content)))
        return ResourceFile(path: try FilePath(parsing: path), digest: digest, size: size, executable: executable, symlink: symlink)
    }
    let long = String(repeating: "long-folder-name/", count: 12) + "file.txt"
    return try [
        file("SKILL.md", "# Sample\n".utf8),
        file("bin/run", "#!/bin/sh\necho hello\n".utf8, executable: true),
        file("caf\u{E9}", "composed\n".utf8),
        file("cafe\u{301}", "decomposed\n".utf8),
        file("data/noise", noise(100_000)),
        file("data/zeros", [UInt8](repeating: 0, count: 300_000)),
        file("empty", [UInt8]()),
        file("fits ustar/" + String(repeating: "p", count: 90) + "/" + String(repeating: "n", count: 100), "split\n".utf8),
        file("links/run", "../bin/run".utf8, symlink: "../bin/run"),
        file("links/" + String(repeating: "s", count: 120), ("../" + long).utf8, symlink: "../" + long),
        file("links/\u{FC}ber", "../cafe\u{301}".utf8, symlink: "../cafe\u{301}"),
        file(long, "deep\n".utf8),
        file(String(repeating: "\u{6F22}\u{5B57}/", count: 30) + "long", "deep, and not ASCII\n".utf8),
        file("with space & 'quote'", "spaces\n".utf8),
    ].sorted { $0.path < $1.path }
}

func write(_ files: [ResourceFile], _ blobs: Blobs) throws -> [UInt8] {
    let sink = BytesSink()
    try writeArchive(files: files, to: sink) { blobs.open($0) }
    return sink.bytes
}

func read(_ archive: [UInt8], limits: ArchiveLimits = ArchiveLimits()) throws -> [ResourceFile] {
    try readArchive(BytesSource(archive), limits: limits, stage: Blobs().stage)
}

/// What running a program gave; `text` is both of its streams.
struct Outcome {
    let status: Int32
    let text: String
}

/// Runs a program of the machine in a folder; nil when it is not installed.
func run(_ program: String, _ arguments: [String], in folder: String, locale: String = "C.UTF-8") throws -> Outcome? {
    let path = "/usr/bin/\(program)"
    guard FileManager.default.isExecutableFile(atPath: path) else { return nil }
    let process = SpawnedProcess()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: folder)
    process.environment = ["PATH": "/usr/bin:/bin", "LC_ALL": locale]
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Outcome(status: process.terminationStatus, text: String(decoding: output, as: UTF8.self))
}
