import Glibc
import RxModel
import RxPosix

/// Asks for names and passwords. A password is never an argument and never shown.
enum Secret {
    /// The longest answer that is read, in bytes.
    private static let limit = 64 << 10
    private static let interrupt = UInt8(3)

    /// All of standard input, without one newline at its end. Throws `UsageError` when that is empty or not text.
    static func fromInput() throws -> String {
        var bytes = try FileSource(FileDescriptor(owning: dup(0), path: "standard input")).readAll(limit: limit)
        if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
        if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        return try text(bytes, "the password on standard input")
    }

    /// A password that is typed on the terminal and not shown. Throws `UsageError` where there is no terminal. Whatever ends the program
    /// meanwhile, short of SIGKILL, the terminal shows what is typed again.
    static func fromTerminal(_ prompt: String) throws -> String {
        let terminal = try open()
        var before = termios()
        guard tcgetattr(terminal.number, &before) == 0 else { throw noTerminal }
        var silent = before
        // Ctrl-C ends the line in place of the program, which puts the terminal back first.
        silent.c_lflag &= ~tcflag_t(ECHO | ISIG)
        withUnsafeMutableBytes(of: &silent.c_cc) { $0[Int(VEOL)] = interrupt }
        return try Signals.holdingBack {
            guard tcsetattr(terminal.number, TCSAFLUSH, &silent) == 0 else { throw noTerminal }
            defer {
                tcsetattr(terminal.number, TCSAFLUSH, &before)
                try? terminal.write(Array("\n".utf8))
            }
            return try line(terminal, prompt)
        }
    }

    /// A name that is typed on the terminal. Throws `UsageError` where there is none.
    static func name() throws -> String {
        guard Host.isTerminal(0) else {
            throw UsageError(message: "rx login needs the user's name", hint: "rx login HOST -u USER --password-stdin")
        }
        return try line(try open(), "User name: ")
    }

    private static let noTerminal = UsageError(
        message: "there is no terminal to ask for the password on",
        hint: "give it on standard input: rx login HOST -u USER --password-stdin")

    private static func open() throws -> FileDescriptor {
        do { return try FileDescriptor.open("/dev/tty", O_RDWR) } catch { throw noTerminal }
    }

    private static func line(_ terminal: FileDescriptor, _ prompt: String) throws -> String {
        try terminal.write(Array(prompt.utf8))
        var bytes: [UInt8] = []
        try withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
            while bytes.count < limit, bytes.last != UInt8(ascii: "\n"), bytes.last != interrupt {
                try wait(for: terminal)
                let count = try terminal.read(into: buffer)
                guard count > 0 else { return }
                bytes += buffer[..<count]
            }
        }
        guard bytes.last != interrupt else { throw cancelled }
        if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
        return try text(bytes, "what was typed")
    }

    private static let cancelled = UsageError(message: "cancelled", hint: "nothing was changed")

    /// Waits until there is something to read. Throws `UsageError` when a signal that is held back has come.
    private static func wait(for terminal: FileDescriptor) throws {
        var waiting = pollfd(fd: terminal.number, events: Int16(POLLIN), revents: 0)
        while poll(&waiting, 1, 100) < 1 { if Signals.isPending { throw cancelled } }
    }

    private static func text(_ bytes: [UInt8], _ what: String) throws -> String {
        guard !bytes.isEmpty else { throw UsageError(message: "\(what) is empty") }
        guard let text = String(validating: bytes, as: UTF8.self),
            !text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F })
        else { throw UsageError(message: "\(what) is not text of one line") }
        return text
    }
}
