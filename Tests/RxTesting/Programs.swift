public import Foundation
public import RxModel
import Synchronization
public import Testing

/// What a program printed and how it ended.
public struct Ended: Sendable {
    /// Its exit status; 128 and more for a signal.
    public let status: Int32
    /// What it wrote to standard output.
    public let output: Data
    /// What it wrote to standard error.
    public let error: String
    /// The most memory it had resident at once, in KiB.
    public let peakKiB: Int
    /// How long it took, in seconds.
    public let seconds: Double

    /// Standard output as text.
    public var text: String { String(decoding: output, as: UTF8.self) }
    /// Standard output as JSON. Throws `JSONError`.
    public func json() throws -> JSON { try JSON(parsing: [UInt8](output)) }
}

/// Runs a program to its end, with a bound on its time that only a program that hangs comes to.
@discardableResult
public func run(
    _ program: String, _ arguments: [String], in folder: String? = nil, environment: [String: String] = [:], input: Data? = nil,
    seconds: Double = 600
) throws -> Ended {
    let files = try TemporaryFolder()
    let process = SpawnedProcess()
    // GNU time tells the peak memory of the one program it runs, whatever else this process runs at the same time.
    let measured = FileManager.default.isExecutableFile(atPath: "/usr/bin/time")
    process.executableURL = URL(fileURLWithPath: measured ? "/usr/bin/time" : "/usr/bin/env")
    process.arguments = (measured ? ["-q", "-f", "%M", "-o", "\(files.path)/peak"] : []) + [program] + arguments
    process.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("RX_") && $0.key != "RESOURCEX_REGISTRY" }.merging(
        environment
    ) { $1 }
    if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
    for name in ["output", "error"] { try files.write(name, "") }
    try files.write("input", input ?? Data())
    process.standardOutput = try FileHandle(forWritingTo: files.url.appendingPathComponent("output"))
    process.standardError = try FileHandle(forWritingTo: files.url.appendingPathComponent("error"))
    process.standardInput = try FileHandle(forReadingFrom: files.url.appendingPathComponent("input"))
    let start = Date()
    try process.run()
    let late = Mutex(false)
    let watchdog = DispatchWorkItem {
        late.withLock { $0 = true }
        kill(process.processIdentifier, SIGKILL)
    }
    DispatchQueue.global().asyncAfter(deadline: .now() + seconds, execute: watchdog)
    process.waitUntilExit()
    watchdog.cancel()
    if late.withLock({ $0 }) { Issue.record("\(program) \(arguments) did not end within \(seconds) s") }
    let peak = (try? String(contentsOfFile: "\(files.path)/peak", encoding: .utf8))?.split(separator: "\n").last.flatMap { Int($0) } ?? 0
    return Ended(
        status: process.terminationSignal.map { 128 + $0 } ?? process.terminationStatus,
        output: try Data(contentsOf: files.url.appendingPathComponent("output")),
        error: try String(contentsOf: files.url.appendingPathComponent("error"), encoding: .utf8), peakKiB: peak,
        seconds: Date().timeIntervalSince(start))
}

/// The rx program under test: `RX_BINARY`, else the one built beside the tests.
public let rxBinary: String = {
    if let path = ProcessInfo.processInfo.environment["RX_BINARY"] { return path }
    return repositoryRoot.appendingPathComponent(".build/debug/rx").path
}()

/// A user with a home of their own.
public struct User: Sendable {
    /// The home folder.
    public let home: TemporaryFolder
    private let environment: [String: String]

    /// Makes an empty home.
    public init(_ environment: [String: String] = [:]) throws {
        home = try TemporaryFolder()
        self.environment = environment
    }

    /// Runs rx in this home, to its end.
    public func run(_ arguments: String..., in folder: String? = nil, environment more: [String: String] = [:], seconds: Double = 600)
        throws -> Ended
    {
        try RxTesting.run(
            rxBinary, arguments, in: folder, environment: environment.merging(["RX_HOME": home.path]) { $1 }.merging(more) { $1 },
            seconds: seconds)
    }

    /// Starts rx in this home and does not wait for its end.
    public func start(_ arguments: String..., in folder: String? = nil) throws -> RunningProgram { try start(arguments, in: folder) }

    /// The same, with the arguments in a list.
    public func start(_ arguments: [String], in folder: String? = nil) throws -> RunningProgram {
        try RunningProgram(rxBinary, arguments, in: folder, environment: environment.merging(["RX_HOME": home.path]) { $1 })
    }

    /// Runs rx and expects it to succeed; gives what it printed.
    @discardableResult
    public func rx(_ arguments: String..., in folder: String? = nil, location: SourceLocation = #_sourceLocation) throws -> String {
        let ended = try RxTesting.run(rxBinary, arguments, in: folder, environment: environment.merging(["RX_HOME": home.path]) { $1 })
        #expect(ended.status == 0, "rx \(arguments.joined(separator: " ")): \(ended.error)", sourceLocation: location)
        return ended.text
    }
}

/// A program that runs; killed with the object.
public final class RunningProgram: Sendable {
    private let process: SpawnedProcess
    private let log: URL
    private let keep: TemporaryFolder

    fileprivate init(_ program: String, _ arguments: [String], in folder: String?, environment: [String: String]) throws {
        keep = try TemporaryFolder()
        log = keep.url.appendingPathComponent("error")
        try keep.write("error", "")
        process = SpawnedProcess()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("RX_") }.merging(environment) { $1 }
        if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
        process.standardOutput = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        process.standardError = try FileHandle(forWritingTo: log)
        try process.run()
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
    }

    /// The process's id.
    public var id: Int32 { process.processIdentifier }
    /// Whether it still runs.
    public var isRunning: Bool { process.isRunning }
    /// What it wrote to standard error so far.
    public var error: String { (try? String(contentsOf: log, encoding: .utf8)) ?? "" }

    /// Sends it a signal.
    public func signal(_ number: Int32) { kill(process.processIdentifier, number) }

    /// Waits for its end; gives its exit status, 128 and more for a signal that ended it.
    public func wait() -> Int32 {
        process.waitUntilExit()
        return process.terminationSignal.map { 128 + $0 } ?? process.terminationStatus
    }
}

/// A registry process on a free loopback port; ended with the object.
public final class RegistryProcess: Sendable {
    /// Its address, such as `http://127.0.0.1:41234`.
    public let url: String
    /// Its data folder.
    public let data: TemporaryFolder
    private let process: SpawnedProcess
    private let log: URL

    /// `host:port`, as a locator writes it.
    public var host: String { String(url.dropFirst("http://".count)) }
    /// The process's id.
    public var id: Int32 { process.processIdentifier }
    /// What it wrote to standard error so far.
    public var errors: String { (try? String(contentsOf: log, encoding: .utf8)) ?? "" }

    /// What it wrote to standard error, with the lines of `count` requests at least, and of all that were answered before. A line
    /// comes after its answer: one more request is made, and its line is waited for and left out.
    public func requestLines(_ count: Int) throws -> [JSON] {
        let mark = "settled-\(UUID().uuidString)"
        _ = try curl("--header", "X-Request-Id: \(mark)", "\(url)/healthz")
        func isMark(_ line: JSON) -> Bool { line["id"]?.string?.hasPrefix("settled-") == true }
        var lines: [JSON] = []
        _ = try waitUntil {
            // The last line may not be whole.
            lines = try errors.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map { try JSON(parsing: String($0)) }
            return lines.contains { $0["id"]?.string == mark } && lines.count { !isMark($0) } >= count
        }
        return lines.filter { !isMark($0) }
    }

    /// Starts a registry over `data`, or a new folder, with more arguments, and waits until it listens.
    public init(data: TemporaryFolder? = nil, _ arguments: String...) throws {
        let folder = try data ?? TemporaryFolder()
        self.data = folder
        let place = try TemporaryFolder()
        log = place.url.appendingPathComponent("log")
        try place.write("log", "")
        let process = SpawnedProcess()
        process.executableURL = URL(fileURLWithPath: rxBinary)
        process.arguments = ["serve", "--data", folder.path, "--port", "0"] + arguments
        process.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("RX_") }
        let output = Pipe()
        process.standardOutput = output
        process.standardError = try FileHandle(forWritingTo: log)
        try process.run()
        self.process = process
        keep = place
        var line = Data()
        while !line.contains(UInt8(ascii: "\n")) {
            let more = output.fileHandleForReading.availableData
            guard !more.isEmpty else { break }
            line += more
        }
        let text = String(decoding: line, as: UTF8.self)
        guard let match = text.firstMatch(of: /http:\/\/[^ \n]+/) else {
            process.waitUntilExit()
            throw RegistryError(
                "the registry did not start: \(text)\((try? String(contentsOf: log, encoding: .utf8)) ?? "")", code: .internalError)
        }
        url = String(match.0)
    }

    private let keep: TemporaryFolder

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
    }

    /// Sends a signal and waits for the end; gives the exit status.
    public func end(_ signal: Int32 = SIGTERM) -> Int32 {
        kill(process.processIdentifier, signal)
        process.waitUntilExit()
        return process.terminationStatus
    }

    /// The process's resident memory at its peak, in KiB (VmHWM of proc(5)).
    public var peakKiB: Int {
        let status = (try? String(contentsOfFile: "/proc/\(id)/status", encoding: .utf8)) ?? ""
        return status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }.flatMap { Int($0.split(separator: " ")[1]) } ?? 0
    }
}

/// Runs curl against a URL; gives the status, headers in lower case, and the body.
public func curl(_ arguments: String...) throws -> (status: Int, headers: [String: String], body: Data) {
    let head = try TemporaryFolder()
    let ended = try run(
        "/usr/bin/curl", ["--silent", "--show-error", "--max-time", "300", "--dump-header", "\(head.path)/head"] + arguments)
    #expect(ended.status == 0, "curl \(arguments): \(ended.error)")
    let text = (try? String(contentsOfFile: "\(head.path)/head", encoding: .utf8)) ?? ""
    let last = text.components(separatedBy: "\r\n\r\n").last { $0.hasPrefix("HTTP/") } ?? ""
    let lines = last.components(separatedBy: "\r\n")
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
        let parts = line.split(separator: ":", maxSplits: 1)
        if parts.count == 2 { headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces) }
    }
    return (Int(lines.first?.split(separator: " ").dropFirst().first ?? "") ?? 0, headers, ended.output)
}
