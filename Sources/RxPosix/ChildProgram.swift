import CPosix
import Glibc
import Synchronization

/// Runs another program in this one's place: with its standard input, output and error, its terminal, and the signals that are sent to it.
public enum ChildProgram {
    /// Signals that are meant for the program, whoever of the two gets them.
    private static let passed = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGTSTP, SIGCONT]

    /// Blocks the signals that `run` passes on, in this thread and those that it starts. Call it before any thread.
    public static func holdSignals() {
        OpenFileLimit.note()
        // Inherited as ignored, the end of the program would not be told.
        signal(SIGCHLD, SIG_DFL)
        var set = waited
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Runs the program that `PATH` finds under the first word, with the environment variables `changes` over this program's, and waits for
    /// its end. Gives its exit status; 128 and the signal's number when one ended it.
    ///
    /// Throws `PosixError` when it cannot be started.
    public static func run(_ words: [String], environment changes: [String: String]) throws(PosixError) -> Int32 {
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for word in arguments { free(word) } }
        var variables = inherited(without: changes) + changes.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for variable in variables { free(variable) } }
        // Before the program: it may have the signal sent that it waits for.
        var witness = GroupWitness()
        var process: Int32 = 0
        let code = OpenFileLimit.asStarted { rx_spawn(&process, words[0], &arguments, &variables, 0, 1, 2) }
        guard code == 0 else { throw PosixError("run", words[0], errno: code) }
        return wait(for: process, &witness)
    }

    private static var waited: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGCHLD)
        for number in passed where !Signals.isIgnored(number) { sigaddset(&set, number) }
        return set
    }

    private static func wait(for process: pid_t, _ witness: inout GroupWitness) -> Int32 {
        var set = waited
        while true {
            // First: it may have ended before anybody waited.
            var status: Int32 = 0
            if waitpid(process, &status, WNOHANG) == process {
                return status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
            }
            var information = siginfo_t()
            let number = sigwaitinfo(&set, &information)
            guard number > 0, number != SIGCHLD else { continue }
            // A terminal sends its signals to the program, too, and so does who sends to the group of both: twice would mean something else.
            let isOfGroup = witness.saw(number)
            if information.si_code != rx_signal_of_kernel() {
                if isOfGroup, getpgid(process) == getpgrp() { discard(number) } else { kill(process, number) }
            }
            if number == SIGTSTP { stop() }
        }
    }

    /// Takes away a pending signal: another one of the same sender, who sent to this process and to its group.
    private static func discard(_ number: Int32) {
        var (set, none, information) = (sigset_t(), timespec(), siginfo_t())
        sigemptyset(&set)
        sigaddset(&set, number)
        sigtimedwait(&set, &information, &none)
    }

    /// Stops this process as SIGTSTP does, unless nobody could continue it; goes on when it is continued.
    private static func stop() {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGTSTP)
        raise(SIGTSTP)
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    private static func inherited(without changes: [String: String]) -> [UnsafeMutablePointer<CChar>?] {
        var variables: [UnsafeMutablePointer<CChar>?] = []
        var next = environ
        while let variable = next.pointee {
            let length = strcspn(variable, "=")
            let name = UnsafeRawBufferPointer(start: variable, count: length)
            if !changes.keys.contains(where: { $0.utf8.elementsEqual(name) }) { variables.append(strdup(variable)) }
            next += 1
        }
        return variables
    }
}
