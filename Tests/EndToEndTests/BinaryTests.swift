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
    func `starts at least half as fast as git`() throws {
        func best(_ program: String, _ arguments: [String]) -> Double {
            (0..<60).map { _ in
                var id: pid_t = 0
                var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
                defer { words.forEach { free($0) } }
                var actions = posix_spawn_file_actions_t()
                posix_spawn_file_actions_init(&actions)
                posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
                defer { posix_spawn_file_actions_destroy(&actions) }
                let start = DispatchTime.now().uptimeNanoseconds
                posix_spawn(&id, program, &actions, nil, &words, environ)
                var status: Int32 = 0
                waitpid(id, &status, 0)
                return Double(DispatchTime.now().uptimeNanoseconds - start)
            }.min()!
        }
        let git = try run("/bin/sh", ["-c", "command -v git"]).text.trimmingCharacters(in: .newlines)
        // The fastest of many runs: what the programs need, not what else the machine does meanwhile.
        let ratio = best(rxBinary, ["--version"]) / best(git, ["--version"])
        #expect(ratio <= 2, "rx --version takes \(ratio) times as long as git --version")
    }
}
