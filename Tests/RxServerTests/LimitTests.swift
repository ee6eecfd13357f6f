import Foundation
import RxChunks
import RxModel
import RxProtocol
import RxStore
import RxTesting
import Testing

@testable import RxServer

@Suite struct `Limits` {
    @Test(arguments: try vectors("limits")) func `have the defaults of the vectors`(_ vector: JSON) throws {
        guard let key = vector["key"]?.string, let expected = vector["default"] else { return }
        let settings = ServerConfiguration()
        let defaults: [String: JSON] = [
            "host": .string(settings.host), "port": .integer(settings.port), "publicURL": settings.publicURL.map { .string($0) } ?? .null,
            "maxBodyBytes": .integer(settings.maxBodyBytes), "maxHeaderBytes": .integer(settings.maxHeaderBytes),
            "maxEntries": .integer(settings.maxEntries), "maxUnpackedBytes": .integer(settings.maxUnpackedBytes),
            "maxDefinitionBytes": .integer(settings.maxDefinitionBytes), "maxConnections": .integer(settings.maxConnections),
            "idleSeconds": .integer(settings.idleSeconds), "drainSeconds": .integer(settings.drainSeconds),
            "workerThreads": .integer(settings.workerThreads), "archiveCacheBytes": .integer(settings.archiveCacheBytes),
            "maxManifestBytes": .integer(settings.maxManifestBytes), "sparseIndexes": .bool(settings.sparseIndexes),
            "gcIntervalSeconds": .integer(settings.gcIntervalSeconds),
            "gcUntagged": settings.gcUntagged == .byDigest ? .null : .string("\(settings.gcUntagged)"),
            "uploadSessionSeconds": .integer(settings.uploadSessionSeconds), "maxTransfers": .integer(settings.maxTransfers),
            "scrubRate": .integer(settings.scrubRate),
        ]
        #expect(defaults[key] == expected, "\(key)")
        #expect(ServerConfiguration.keys.contains(key))
    }

    @Test func `of the model are those of the vectors`() throws {
        let actual: [String: Int] = [
            "locator bytes": Locator.lengthLimit, "path bytes": FilePath.lengthLimit, "path segment bytes": FilePath.segmentLimit,
            "JSON depth": JSON.depthLimit, "chunked blob bytes, least": ChunkIndex.smallestBlob,
            "chunked blob bytes, most": ChunkIndex.largestBlob, "chunk index bytes": ChunkIndexCache.standardLimit,
            "chunks": ChunkIndex.countLimit, "bases": ChunkService.baseCount, "base bytes": ChunkService.baseBytes,
            "delta parts": Delta.partLimit, "chunk calls": ChunkService.turns, "blobs of a request": TransferWire.mostBlobs,
            "question bytes": QueryBody.limit, "least stream bytes": Pace.leastBytes, "listed findings": VerifyReport.listed,
        ]
        for vector in try vectors("limits") {
            guard let name = vector["limit"]?.string, let limit = actual[name] else { continue }
            #expect(vector["default"]?.int == limit, "\(name)")
        }
    }

    @Test func `are all explained in the example configuration, which is a valid one`() throws {
        let path = repositoryRoot.appendingPathComponent("Registry/rx.config.example.json")
        let bytes = try [UInt8](Data(contentsOf: path))
        _ = try ServerConfiguration(parsing: bytes)
        let members = try #require(try JSON(parsing: bytes).object)
        for key in ServerConfiguration.keys { #expect(members[key] != nil && members["//\(key)"] != nil, "\(key)") }
    }
}
