import Glibc
import RxPosix

Host.holdStandardDescriptors()
Signals.ignoreBrokenPipes()
let status = Program.run(Host.arguments)
Interruption.settle()
exit(status)
