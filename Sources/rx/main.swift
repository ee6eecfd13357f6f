import Glibc
import RxPosix

Signals.ignoreBrokenPipes()
exit(Program.run(Array(CommandLine.arguments.dropFirst())))
