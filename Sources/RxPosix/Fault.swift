import Synchronization

/// Makes named system calls fail on demand, so that tests reach every error path. Compiled in debug builds only.
package enum Fault {
    #if DEBUG
        private struct Plan {
            var errno: Int32
            var skip: Int
            var times: Int
        }
        private static let plans = Mutex<[String: Plan]>([:])
        private static let armed = Atomic<Bool>(false)

        /// Whether this build can inject faults.
        package static let available = true

        /// Lets `call` succeed `skip` times, then fail with `errno` `times` times.
        package static func inject(_ call: String, _ errno: Int32, after skip: Int = 0, times: Int = 1) {
            plans.withLock { $0[call] = Plan(errno: errno, skip: skip, times: times) }
            armed.store(true, ordering: .releasing)
        }

        /// Forgets every plan.
        package static func clear() {
            plans.withLock { $0.removeAll() }
            armed.store(false, ordering: .releasing)
        }

        static func next(_ call: StaticString) -> Int32? {
            guard armed.load(ordering: .acquiring) else { return nil }
            return plans.withLock { plans in
                let name = call.description
                guard var plan = plans[name], plan.times > 0 else { return nil }
                defer { plans[name] = plan }
                if plan.skip > 0 {
                    plan.skip -= 1
                    return nil
                }
                plan.times -= 1
                return plan.errno
            }
        }
    #else
        /// Whether this build can inject faults.
        package static let available = false

        @inline(__always)
        static func next(_ call: StaticString) -> Int32? { nil }
    #endif
}
