import Glibc
import RxPosix
import RxTesting
import Testing

@Suite struct SubprocessTests {
    func text(_ ended: Subprocess.Ended) -> String { String(decoding: ended.output, as: UTF8.self) }

    @Test func `a program gets its input and arguments as they are and gives output and status`() throws {
        let ended = try Subprocess.run(
            "sh", ["-c", "cat; echo \"$1\"; echo no >&2; exit 7", "x", "a b;$HOME"], input: Array("in\n".utf8), seconds: 60)
        #expect(text(ended) == "in\na b;$HOME\n" && ended.status == 7)
        #expect(try Subprocess.run("sh", ["-c", "kill -9 $$"], seconds: 60).status == 137)
        #expect(try Subprocess.run("true", input: [UInt8](repeating: 1, count: Subprocess.inputLimit), seconds: 60).status == 0)
    }

    @Test func `what cannot be run, takes too long or writes too much is an error`() throws {
        func code(_ body: () throws -> Void) -> Int32? {
            do { try body() } catch { return (error as? PosixError)?.errno }
            return nil
        }
        #expect(code { _ = try Subprocess.run("no-such-program-here", seconds: 5) } == ENOENT)
        let start = Clock.monotonic
        #expect(code { _ = try Subprocess.run("sleep", ["60"], seconds: 0.2) } == ETIMEDOUT)
        #expect(code { _ = try Subprocess.run("sh", ["-c", "exec >&-; exec sleep 60"], seconds: 0.2) } == ETIMEDOUT)
        #expect(Clock.monotonic - start < 50_000_000_000)
        #expect(code { _ = try Subprocess.run("yes", outputLimit: 1000, seconds: 60) } == EFBIG)
        #expect(code { _ = try Subprocess.run("cat", input: [UInt8](repeating: 1, count: 5000), seconds: 5) } == E2BIG)
    }
}
