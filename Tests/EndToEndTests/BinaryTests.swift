import Foundation
import RxTesting
import Testing

/// What holds for the release binary; `make test` names it in RX_BINARY.
@Suite struct `The release binary` {
    static let isRelease = ProcessInfo.processInfo.environment["RX_BINARY"] != nil

    @Test(.enabled(if: isRelease, "RX_BINARY names no release binary: run make test"))
    func `is one file that links the system's C and C++ libraries and nothing else`() throws {
        let linked = try run("/usr/bin/ldd", [rxBinary]).text
        let names = linked.split(separator: "\n").map { $0.split(separator: " ")[0] }.map { $0.split(separator: "/").last! }
        for name in names {
            let allowed = ["linux-vdso", "libm.so", "libc.so", "libstdc++.so", "libgcc_s.so", "ld-linux"].contains { name.contains($0) }
            #expect(allowed, "\(name)")
        }
        let symbols = try run(
            "/bin/sh",
            [
                "-c", "nm -C \"$1\" | grep -ciE 'FoundationNetworking|FoundationInternationalization|icudt|NSURLSession' || true", "sh",
                rxBinary,
            ])
        #expect(symbols.text == "0\n")
    }

    @Test(.enabled(if: isRelease, "RX_BINARY names no release binary: run make test"))
    func `starts in no more than a few times what git takes`() throws {
        /// The processor time that one run takes, in microseconds.
        func time(_ program: String) -> Int {
            var id: pid_t = 0
            let line = [program, "--version"]
            var words: [UnsafeMutablePointer<CChar>?] = line.map { strdup($0) } + [nil]
            defer { words.forEach { free($0) } }
            var actions = posix_spawn_file_actions_t()
            posix_spawn_file_actions_init(&actions)
            posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
            defer { posix_spawn_file_actions_destroy(&actions) }
            posix_spawn(&id, program, &actions, nil, &words, environ)
            var status: Int32 = 0
            var usage = rusage()
            wait4(id, &status, 0, &usage)
            return [usage.ru_utime, usage.ru_stime].reduce(0) { $0 + $1.tv_sec * 1_000_000 + $1.tv_usec }
        }
        let git = try run("/bin/sh", ["-c", "command -v git"]).text.trimmingCharacters(in: .newlines)
        // The least of many runs, by turns: what the programs need, not what else the machine does meanwhile.
        let times = (0..<100).map { _ in (rx: time(rxBinary), git: time(git)) }
        let (rx, other) = (times.map(\.rx).min()!, times.map(\.git).min()!)
        // It takes less than twice as much where this was written; a runtime that is loaded at the start takes ten times.
        #expect(rx <= 5 * other, "rx --version takes \(rx) us, git --version \(other) us")
    }
}
