import RxPosix
import Synchronization

/// Lets the disk write what an upload has received while more of it comes, beside the thread that receives. Used by one thread.
final class EarlyWriting {
    /// How many bytes are handed to the disk at a time.
    private static let portion = 16 << 20

    private final class Flag: Sendable {
        let isSet = Atomic<Bool>(false)
    }

    private let file: FileDescriptor
    private var begun: Int
    private var running: Background<Void>?
    private var ended = Flag()

    /// Begins behind the first `offset` bytes.
    init(_ file: FileDescriptor, from offset: Int) {
        self.file = file
        begun = offset
    }

    /// The file has this many bytes now. Never waits for the disk; what is not begun early is left to the sync at the end.
    func wrote(upTo offset: Int) {
        guard offset - begun >= EarlyWriting.portion, running == nil || ended.isSet.load(ordering: .acquiring) else { return }
        let range = begun..<offset
        begun = offset
        let flag = Flag()
        ended = flag
        running = Background { [file] in
            file.startWriting(range)
            flag.isSet.store(true, ordering: .releasing)
        }
    }
}
