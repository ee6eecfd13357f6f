import Foundation
import RxModel
import RxTesting
import Testing

@testable import RxClient

@Suite struct `A pipe between threads` {
    struct Trouble: Error, Equatable {}

    @Test func `gives every byte in order, however much more there is than it holds`() throws {
        let total = 5 * BytePipe.capacity + 17
        let read = try BytePipe.run { sink in
            var next: UInt8 = 0
            var left = total
            while left > 0 {
                let chunk = (0..<min(left, 70_001)).map { _ in
                    next &+= 1
                    return next
                }
                try chunk.withUnsafeBytes { try sink.write($0) }
                left -= chunk.count
            }
        } consume: { source in
            var expected: UInt8 = 0
            var count = 0
            try withUnsafeTemporaryAllocation(byteCount: 33_333, alignment: 1) { buffer in
                while case let size = try source.read(into: buffer), size > 0 {
                    for byte in buffer[..<size] {
                        expected &+= 1
                        guard byte == expected else { throw Trouble() }
                    }
                    count += size
                }
            }
            return count
        }
        #expect(read == total)
    }

    @Test func `lets go of what was read, also when the writer is always ahead`() throws {
        let pipe = BytePipe()
        let (writer, reader) = (BytePipe.Writer(pipe), BytePipe.Reader(pipe))
        let chunk = [UInt8](repeating: 1, count: 1000)
        try chunk.withUnsafeBytes { try writer.write($0) }
        for _ in 0..<2000 {
            try chunk.withUnsafeBytes { try writer.write($0) }
            let count = try withUnsafeTemporaryAllocation(byteCount: chunk.count, alignment: 1) { try reader.read(into: $0) }
            #expect(count == chunk.count)
        }
        #expect(pipe.held <= 2 * chunk.count)
    }

    @Test func `throws the writer's error where its bytes end`() {
        #expect(throws: Trouble.self) {
            try BytePipe.run { sink in
                try [1, 2, 3].withUnsafeBytes { try sink.write($0) }
                throw Trouble()
            } consume: { source in
                try source.readAll()
            }
        }
    }

    @Test func `leaves no thread behind`() async {
        // In a process of its own: other tests begin threads as they like.
        await #expect(processExitsWith: .success) {
            func use() throws {
                for _ in 0..<100 {
                    let source = BytePipe.source { sink in try [UInt8]([1, 2, 3]).withUnsafeBytes { try sink.write($0) } }
                    #expect(try source.readAll() == [1, 2, 3])
                }
            }
            /// The stacks of threads are mapped memory: a thread that nobody waits for keeps its own.
            func mapped() throws -> Int {
                let pages = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")[0]
                return Int(pages)! * Int(sysconf(Int32(_SC_PAGESIZE)))
            }
            try use()
            let before = try mapped()
            for _ in 0..<8 { try use() }
            #expect(try mapped() - before < 400 << 20, "not the 800 MiB and more of 800 stacks")
        }
    }

    @Test func `ends the writer when the reader has failed`() {
        #expect(throws: Trouble.self) {
            try BytePipe.run { sink in
                let chunk = [UInt8](repeating: 1, count: 100_000)
                while true { try chunk.withUnsafeBytes { try sink.write($0) } }
            } consume: { source in
                _ = try withUnsafeTemporaryAllocation(byteCount: 10, alignment: 1) { try source.read(into: $0) }
                throw Trouble()
            }
        }
    }
}
