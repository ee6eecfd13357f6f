// Prints, as JSON, what one dispatch of a warm router takes and what a look-up of the same key in a dictionary takes, in nanoseconds: one
// number for each round, the two taking turns. `rx-bench ROUNDS`.
// `rx-bench serve` serves the same router over HTTP on a free port, which it prints, until its standard input ends.

import Glibc
import RxLoader
import RxModel
import RxServer

/// Answers at once, so that the time is the router's.
struct Constant: Resource {
    let reply = Reply(.text("there"))

    func get(_ headers: Headers) async -> Reply { reply }
}

let count = 1000
let calls = 200_000
let argument = CommandLine.arguments.dropFirst().first
let rounds = argument.flatMap { Int($0) } ?? 11
let names = (0..<count).map { "route-number-\($0)" }
let table: [String: any Resource] = Dictionary(uniqueKeysWithValues: names.map { ($0, Constant() as any Resource) })
let router = Router(table)
let requests = names.map { Headers("/\($0)") }
let clock = ContinuousClock()

/// How long one of the calls of `work` took; `work` tells how many of them found something.
func nanoseconds(_ work: () async -> Int) async -> Double {
    var found = 0
    let time = await clock.measure { found = await work() }
    precondition(found == calls)
    return (Double(time.components.seconds) * 1e9 + Double(time.components.attoseconds) / 1e9) / Double(calls)
}

func dispatch() async -> Int {
    var found = 0
    for number in 0..<calls where await router.get(requests[number % count]).isGood { found += 1 }
    return found
}

func lookUp() async -> Int {
    var found = 0
    for number in 0..<calls where table[names[number % count]] != nil { found += 1 }
    return found
}

if argument == "serve" {
    let server = try ResourceServer(HTTPBridge(router))
    print("http://127.0.0.1:\(server.port)/\(names[0])")
    fflush(nil)
    while readLine() != nil {}
    server.stop()
} else {
    var routed: [Double] = []
    var looked: [Double] = []
    _ = await dispatch()
    for _ in 0..<rounds {
        looked.append(await nanoseconds(lookUp))
        routed.append(await nanoseconds(dispatch))
    }
    print("{\"router\": \(routed), \"dictionary\": \(looked)}")
}
