import Synchronization

/// Makes named system calls fail on demand, so that tests reach every error path. Compiled in debug builds only.
package enum Fault {
    #if DEBUG
        private struct Plan {
            var errno: Int32
            var folder: String
            var skip: Int
            var times: Int
        }
        private static let plans = Mutex<[String: Plan]>([:])
        private static let armed = Atomic<Bool>(false)

        /// Whether this build can inject faults.
        package static let available = true

        /// Lets `call`, on paths under `folder`, succeed `skip` times, then fail with `errno` `times` times. Tests that run side by
        /// side each name their own folder.
        package static func inject(_ call: String, _ errno: Int32, under folder: String, after skip: Int = 0, times: Int = 1) {
            plans.withLock { $0["\(call) \(folder)"] = Plan(errno: errno, folder: folder, skip: skip, times: times) }
            armed.store(true, ordering: .releasing)
        }

        /// Forgets the plans for a folder.
        package static func clear(under folder: String) { plans.withLock { $0 = $0.filter { $0.value.folder != folder } } }

        static func next(_ call: StaticString, _ path: @autoclosure () -> String) -> Int32? {
            guard armed.load(ordering: .acquiring) else { return nil }
            let path = path()
            return plans.withLock { plans in
                let prefix = "\(call) "
                // A plan that has done its work hides no other one for the same path.
                guard
                    let (key, found) = plans.first(where: {
                        $0.key.hasPrefix(prefix) && path.hasPrefix($0.value.folder) && $0.value.times > 0
                    })
                else { return nil }
                var plan = found
                defer { plans[key] = plan }
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
        static func next(_ call: StaticString, _ path: @autoclosure () -> String) -> Int32? { nil }
    #endif
}
