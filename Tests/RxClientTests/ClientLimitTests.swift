import Foundation
import RxModel
import RxProtocol
import RxStore
import RxTesting
import Testing

@testable import RxClient

@Suite struct ClientLimitTests {
    @Test func `are those of the vectors`() throws {
        let policy = RetryPolicy()
        let settings = CurlTransport.Settings(agent: "x")
        let actual: [String: Int] = [
            "transfers": TransferGate.standard, "most transfers": TransferGate.most, "tries": policy.attempts,
            "tries seconds": policy.deadline,
            "pause seconds": policy.longestPause, "control seconds": policy.controlSeconds, "connect seconds": settings.connectSeconds,
            "first byte seconds": settings.firstByteSeconds, "stall seconds": settings.stallSeconds,
            "short blob bytes": UploadNotes.smallestBlob, "folder records": FolderRecords.mostRecords,
            "folder records bytes": FolderRecords.mostBytes, "push notes": TransferNotes.most,
        ]
        #expect(UploadNotes.smallestBlob == TransferWire.largeBlob)
        let listed = Dictionary(
            try vectors("limits").compactMap { vector in vector["limit"]?.string.map { ($0, vector["default"]?.int) } },
            uniquingKeysWith: { first, _ in first })
        for (name, limit) in actual { #expect(listed[name] == limit, "\(name)") }
    }

    @Test func `transfers is a setting`() throws {
        let home = try TemporaryFolder()
        #expect(try ClientConfiguration(home: home.path).transfers == 8)
        #expect(try ClientConfiguration(home: home.path).value(of: "transfers") == nil)
        try ClientConfiguration.update(home: home.path) { try $0.set("transfers", to: "3") }
        let configuration = try ClientConfiguration(home: home.path)
        #expect(try configuration.transfers == 3 && configuration.value(of: "transfers") == "3")
        let client = try Client(home: home.path, environment: "http://a.test", transport: RecordedTransport.unreachable)
        #expect(try client.distribution(client.registry(nil)).gate.limit == 3)
        for wrong in ["0", "65", "-1", "x", ""] {
            var changed = configuration
            #expect(throws: RegistryError.self) { try changed.set("transfers", to: wrong) }
        }
        try home.write("config.json", #"{"transfers":"many"}"#)
        #expect(throws: RegistryError.self) { try ClientConfiguration(home: home.path).transfers }
    }
}
