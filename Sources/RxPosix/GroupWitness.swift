import CPosix
import Glibc

/// Tells signals that were sent to this process alone from those that its whole process group got: by a process of the group that does nothing,
/// and in which only the latter are pending. It ends with the thread that made it.
struct GroupWitness: ~Copyable {
    /// How long a signal may take from one process of a group to the next, and between the two of a sender that sends to one and then to all,
    /// in microseconds.
    private static let patience: UInt32 = 20_000

    private var process: pid_t?
    /// Signals of the group that were seen and not asked about yet, each a bit.
    private var seen: UInt64 = 0

    init() { process = GroupWitness.make() }

    deinit { GroupWitness.end(process) }

    /// Whether the group got a signal that this process got a moment ago.
    mutating func saw(_ number: Int32) -> Bool {
        usleep(GroupWitness.patience)
        let pending = process.map { GroupWitness.pending(in: $0) } ?? 0
        if pending != 0 {
            seen |= pending
            GroupWitness.end(process)
            process = GroupWitness.make()
        }
        let bit = UInt64(1) << UInt64(number - 1)
        defer { seen &= ~bit }
        return seen & bit != 0
    }

    private static func make() -> pid_t? {
        var process: pid_t = 0
        return rx_witness(&process) == 0 ? process : nil
    }

    private static func end(_ process: pid_t?) {
        guard let process else { return }
        kill(process, SIGKILL)
        var status: Int32 = 0
        while waitpid(process, &status, 0) == -1, errno == EINTR {}
    }

    /// The signals that were sent to a process and that it holds back: proc_pid_status(5), `ShdPnd`.
    private static func pending(in process: pid_t) -> UInt64 {
        let text = (try? Files.read("/proc/\(process)/status", limit: 1 << 20)) ?? []
        for line in text.split(separator: UInt8(ascii: "\n")) where line.starts(with: "ShdPnd:".utf8) {
            let digits = line.dropFirst(7).drop { $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: " ") }
            return UInt64(String(decoding: digits, as: UTF8.self), radix: 16) ?? 0
        }
        return 0
    }
}
