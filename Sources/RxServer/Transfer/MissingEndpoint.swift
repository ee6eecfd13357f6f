import RxHTTP
import RxModel
import RxProtocol
import RxStore

/// `POST /api/v1/blobs/missing`: which of many blobs the registry does not have. The others are shown in and leased to the repository.
struct MissingEndpoint: Endpoint {
    let methods = ["POST"]

    func react(_ call: Call, _ context: ServerContext) throws -> Reaction {
        try QueryBody.reaction(call, context) { body, _ in
            let query = try MissingQuery(parsing: body)
            try TransferTarget.checkRepository(query.repository)
            let batch = try context.store.begin(in: query.repository)
            defer { batch.cancel() }
            let wanted = Dictionary(query.blobs.map { ($0.digest, $0.size) }) { first, _ in first }
            let found = try batch.lease(wanted)
            var told: Set<Digest> = []
            let missing = query.blobs.filter { blob in
                !(found.contains(blob.digest) && wanted[blob.digest] == blob.size) && told.insert(blob.digest).inserted
            }
            return HTTPResponse(
                200, headers: ["Content-Type": "application/json"],
                body: .bytes(MissingAnswer(missing: missing.map(\.digest)).canonical))
        }
    }
}
