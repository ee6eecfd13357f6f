import RxCrypto
import RxModel
import Synchronization

/// The front of a blob in a memory store.
final class MemoryPartial: PartialBlob {
    private let store: MemoryStore
    private let digest: Digest
    private let size: Int
    private let stage: ([UInt8]) throws -> Void
    private var bytes: [UInt8]
    private var isOver = false

    /// Takes what was left of a blob; nil while somebody else has it.
    init?(_ store: MemoryStore, _ digest: Digest, size: Int, stage: @escaping ([UInt8]) throws -> Void) {
        self.store = store
        self.digest = digest
        self.size = size
        self.stage = stage
        let kept = store.state.withLock { state -> [UInt8]? in
            guard state.taken.insert(digest).inserted else { return nil }
            return state.partials[digest] ?? []
        }
        bytes = kept ?? []
        guard kept != nil else {
            isOver = true
            return nil
        }
        if bytes.count > size { bytes = [] }
    }

    deinit {
        guard !isOver else { return }
        store.state.withLock { [digest, bytes] state in
            state.partials[digest] = bytes
            state.taken.remove(digest)
        }
    }

    var offset: Int { bytes.count }

    func append(_ more: UnsafeRawBufferPointer) throws {
        guard bytes.count + more.count <= size else {
            throw ContentError("more than the \(size) bytes of \(digest) came", code: .digestInvalid)
        }
        bytes.append(contentsOf: more)
    }

    func finish() throws {
        let found = sha256(bytes)
        guard bytes.count == size, found == digest else {
            bytes = []
            throw ContentError.mismatch(expected: digest, got: found)
        }
        try stage(bytes)
        isOver = true
        store.state.withLock { [digest] state in
            state.partials[digest] = nil
            state.taken.remove(digest)
        }
    }
}
