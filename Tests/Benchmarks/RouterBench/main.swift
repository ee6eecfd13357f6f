// Prints, as JSON, what one dispatch of a warm router takes and what a look-up of the same key in a dictionary takes, in nanoseconds: one
// number for each round, the two taking turns. `rx-bench ROUNDS`.

import RxLoader
import RxModel

/// Answers at once, so that the time is the router's.
struct Constant: Resource {
    let reply = Reply(.text("there"))

    func get(_ headers: Headers) async -> Reply { reply }
}

let count = 1000
let calls = 200_000
let rounds = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 11
let names = (0..<count).map { "route-number-\($0)" }
let table: [String: any Resource] = Dictionary(uniqueKeysWithValues: names.map { ($0, Constant() as any Resource) })
let router = Router(table)
let requests = names.map { Headers("/\($0)") }
let clock = ContinuousClock()
var found = 0

func nanoseconds(_ work: () async -> Void) async -> Double {
    let time = await clock.measure { await work() }
    return (Double(time.components.seconds) * 1e9 + Double(time.components.attoseconds) / 1e9) / Double(calls)
}

func dispatch() async {
    for number in 0..<calls where await router.get(requests[number % count]).isGood { found += 1 }
}

func lookUp() async {
    for number in 0..<calls where table[names[number % count]] != nil { found += 1 }
}

var routed: [Double] = []
var looked: [Double] = []
await dispatch()
for _ in 0..<rounds {
    looked.append(await nanoseconds(lookUp))
    routed.append(await nanoseconds(dispatch))
}
precondition(found == calls * (1 + 2 * rounds))
print("{\"router\": \(routed), \"dictionary\": \(looked)}")
