import CFuzzer
import Glibc

// libFuzzer, on the parser that RX_FUZZ_TARGET names; its own options come as arguments. Without a name, the names and the longest inputs.

/// Says what is wrong on standard error.
func complain(_ text: String) {
    var line = text + "\n"
    line.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

guard let name = getenv("RX_FUZZ_TARGET").map({ String(cString: $0) }) else {
    for target in FuzzTarget.all { print(target.name, target.longest) }
    exit(0)
}
guard let target = FuzzTarget.named(name) else {
    complain("error: no parser is called \(name)")
    exit(2)
}

let check = target.check
var count = CommandLine.argc
var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
exit(
    LLVMFuzzerRunDriver(&count, &arguments) { bytes, count in
        do { try check(Array(UnsafeBufferPointer(start: bytes, count: count))) } catch {
            complain("broken: \(error)")
            abort()
        }
        return 0
    })
