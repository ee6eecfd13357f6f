/// A bounded number of bytes between who writes and who reads; first in, first out. Whoever shares it guards it.
struct ByteRing: ~Copyable {
    private let memory: UnsafeMutableRawBufferPointer
    private var start = 0
    /// How many bytes it holds.
    private(set) var count = 0

    init(capacity: Int) { memory = .allocate(byteCount: capacity, alignment: 16) }

    deinit { memory.deallocate() }

    /// How many bytes it can still take.
    var room: Int { memory.count - count }

    /// Takes what fits of `bytes`, from the front; gives the number.
    mutating func put(_ bytes: UnsafeRawBufferPointer) -> Int {
        var done = 0
        while done < bytes.count, room > 0 {
            let end = (start + count) % memory.count
            let piece = min(bytes.count - done, room, memory.count - end)
            UnsafeMutableRawBufferPointer(rebasing: memory[end..<end + piece])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[done..<done + piece]))
            count += piece
            done += piece
        }
        return done
    }

    /// Moves what there is into `buffer`, as far as it goes; gives the number.
    mutating func take(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        var done = 0
        while done < buffer.count, count > 0 {
            let piece = min(buffer.count - done, count, memory.count - start)
            UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + piece])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[start..<start + piece]))
            start = (start + piece) % memory.count
            count -= piece
            done += piece
        }
        return done
    }
}
