import Foundation
import RxTesting
import Testing

/// What an export that is interrupted leaves: nothing under a visible name, and nothing beside it.
@Suite struct InterruptedExportTests {
    let work: TemporaryFolder
    let user: User

    init() throws {
        work = try TemporaryFolder()
        user = try User()
        for index in 0..<1000 { try work.write("many/f\(index % 20)/file\(index)", String(repeating: "\(index)", count: 8000)) }
        try work.write("many/resource.json", #"{"name":"many","type":"text","tag":"1"}"#)
        try user.rx("add", "./many", in: work.path)
    }

    func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: "\(work.path)/out").sorted() }

    /// Whether nothing was exported.
    func isEmpty(_ target: String) throws -> Bool {
        try names().isEmpty || target == "present" && FileManager.default.contentsOfDirectory(atPath: "\(work.path)/out/present").isEmpty
    }

    /// What an export's target has that it should not, or lacks; empty when it is whole.
    func wrong(_ target: String) throws -> String {
        guard target == "archive.tar.gz" else { return try difference("\(work.path)/many", "\(work.path)/out/\(target)") }
        let unpacked = try TemporaryFolder()
        let ended = try run("/usr/bin/tar", ["xzf", "\(work.path)/out/\(target)", "-C", unpacked.path])
        return try ended.error + difference("\(work.path)/many", unpacked.path)
    }

    /// Nothing is there but the folder, and in it the target when that is the one that is present.
    func begin(_ target: String) throws {
        try? FileManager.default.removeItem(atPath: "\(work.path)/out")
        let made = target == "present" ? "\(work.path)/out/\(target)" : "\(work.path)/out"
        try FileManager.default.createDirectory(atPath: made, withIntermediateDirectories: true)
    }

    @Test(arguments: ["folder", "present", "archive.tar.gz"], [SIGINT, SIGTERM])
    func `nothing stays of it`(_ target: String, _ signal: Int32) throws {
        try begin(target)
        var interrupted = 0
        // A signal may come late, and an export be over: until one was interrupted there are more, at other moments.
        let delays = [10_000, 25_000, 60_000]
        for (round, delay) in (delays + (0..<20).flatMap { _ in [0, 3_000] + delays }).enumerated() where round < 3 || interrupted == 0 {
            let program = try user.start("export", "many:1", "\(work.path)/out/\(target)")
            usleep(UInt32(delay))
            program.signal(signal)
            let status = program.wait()
            if status == 0 {
                try begin(target)
                continue
            }
            #expect(status == 128 + signal)
            interrupted += 1
            if try !isEmpty(target) {
                // It was over but for the end of the program: then all of it is there, and nothing else.
                #expect(try names() == [target], "after \(delay) us")
                #expect(try wrong(target) == "", "after \(delay) us")
                try begin(target)
            }
            #expect(try names() == (target == "present" ? ["present"] : []), "after \(delay) us")
        }
        #expect(interrupted > 0)
        try user.rx("export", "many:1", "\(work.path)/out/\(target)")
        #expect(try wrong(target) == "")
    }
}
