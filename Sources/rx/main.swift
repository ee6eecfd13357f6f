import Glibc
import RxPosix

Host.holdStandardDescriptors()
Signals.ignoreBrokenPipes()
exit(Program.run(Host.arguments))
