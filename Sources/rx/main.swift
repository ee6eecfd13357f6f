import RxPosix

Host.holdStandardDescriptors()
Host.shareHeap()
Signals.ignoreBrokenPipes()
let status = Program.run(Host.arguments)
Interruption.settle()
Host.end(status)
