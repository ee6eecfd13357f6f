import Glibc
import RxClient
import RxModel

/// The error that `body` throws, as a registry's.
func registryError<Value>(of body: () throws -> Value) -> RegistryError? {
    do { _ = try body() } catch { return error as? RegistryError }
    return nil
}

/// A transport that waits as long as a loaded machine needs.
func patient(_ change: (inout CurlTransport.Settings) -> Void = { _ in }) -> CurlTransport {
    var settings = CurlTransport.Settings(agent: "rx/1.2.3")
    (settings.connectSeconds, settings.stallSeconds, settings.firstByteSeconds) = (60, 60, 60)
    change(&settings)
    return CurlTransport(settings)
}

/// A long, recognisable body: a block of a prime length, over and over.
private let block: [UInt8] = (0..<65521).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }

final class PatternSource: ByteSource {
    private let count: Int
    private(set) var given = 0

    init(count: Int) { self.count = count }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let start = given % block.count
        let size = min(buffer.count, count - given, block.count - start)
        block[start..<start + size].withUnsafeBytes { buffer.copyMemory(from: $0) }
        given += size
        return size
    }
}

final class PatternSink: ByteSink {
    private(set) var count = 0
    private(set) var isWhole = true

    func write(_ bytes: UnsafeRawBufferPointer) {
        var bytes = bytes[...]
        while !bytes.isEmpty {
            let start = count % block.count
            let size = min(bytes.count, block.count - start)
            isWhole =
                isWhole
                && block[start..<start + size].withUnsafeBytes {
                    memcmp($0.baseAddress!, UnsafeRawBufferPointer(rebasing: bytes).baseAddress!, size) == 0
                }
            bytes = bytes.dropFirst(size)
            count += size
        }
    }
}
