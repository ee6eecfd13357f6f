import Glibc
import RxPosix
import RxTesting
import Synchronization
import Testing

@Suite struct `Threads` {
    @Test func `of a pool run every job once, also those handed over before it closes`() {
        let pool = WorkerPool(count: 3)
        let sum = Mutex(0)
        for number in 1...1000 { pool.submit { sum.withLock { $0 += number } } }
        pool.close()
        #expect(sum.withLock { $0 } == 500_500)
        #expect(!pool.submit {})
    }

    @Test func `of a pool are started when there is a job for them, and then wait for the next one`() {
        let pool = WorkerPool(count: 3)
        let seen = Mutex<Set<UInt>>([])
        let finished = Monitor(0)
        for number in 1...50 {
            pool.submit {
                seen.withLock { _ = $0.insert(UInt(pthread_self())) }
                finished.update { $0 += 1 }
            }
            _ = finished.wait { $0 == number ? true : nil }
            // It has told before it is free again.
            usleep(1000)
        }
        #expect(seen.withLock { $0.count } < 3)
        // As many at a time as there may be.
        let inside = Monitor(0)
        for _ in 0..<3 {
            pool.submit {
                inside.update { $0 += 1 }
                _ = inside.wait(seconds: 60) { $0 == 3 ? true : nil }
            }
        }
        #expect(inside.wait(seconds: 60) { $0 == 3 ? true : nil } == true)
        pool.close()
    }

    @Test func `share the indices of a loop and pass on the first error`() throws {
        let seen = Mutex<Set<Int>>([])
        try WorkerPool.forEach(5..<500, threads: 4) { index in seen.withLock { _ = $0.insert(index) } }
        #expect(seen.withLock { $0 } == Set(5..<500))
        #expect(throws: PosixError.self) {
            try WorkerPool.forEach(0..<100, threads: 2) { index in if index == 50 { throw PosixError("read", "x", errno: 5) } }
        }
    }

    @Test func `waiting for a monitor wake on a change and give up at the end of the time`() {
        let monitor = Monitor(0)
        let thread = Thread { monitor.update { $0 = 7 } }
        #expect(monitor.wait(seconds: 60) { $0 == 7 ? $0 : nil } == 7)
        thread.join()
        #expect(monitor.wait(seconds: 0.01) { $0 == 8 ? $0 : nil } == nil)
    }
}
