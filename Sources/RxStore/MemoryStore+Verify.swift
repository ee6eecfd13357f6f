import RxCrypto
import RxModel
import Synchronization

extension MemoryStore {
    public func verify(_ options: VerifyOptions, with helper: any VerifyHelper) throws -> VerifyReport {
        defer { helper.end() }
        return state.withLock { state in
            var report = VerifyReport()
            report.blobs = state.blobs.count
            report.bytes = state.blobs.values.reduce(0) { $0 + $1.count }
            helper.begin("verifying", blobs: report.blobs, bytes: report.bytes)
            var sample = Sample(options.sample ?? state.blobs.count)
            for (digest, bytes) in state.blobs { sample.meet(StagedBlob(digest: digest, size: bytes.count)) }
            for blob in sample.chosen {
                let bytes = state.blobs[blob.digest] ?? []
                report.hashedBlobs += 1
                report.hashedBytes += bytes.count
                helper.advance(blobs: 1, bytes: bytes.count)
                let got = sha256(bytes)
                if got != blob.digest {
                    report.add(Finding(.blobBytes, "blob \(blob.digest) holds other bytes: \(got)", digest: blob.digest))
                }
            }
            for held in state.manifests.values.joined() {
                report.manifests += 1
                for (name, size) in held.artifact.blobs where state.digest(of: name).flatMap({ state.blobs[$0] })?.count != size {
                    let message = "manifest \(held.digest) names \(name), which is not there"
                    report.add(Finding(.rowMissing, message, digest: held.digest))
                }
            }
            report.tags = state.tags.count
            report.partialCopies = state.partial.count
            for reference in state.tags.keys where state.record(reference) == nil {
                report.add(Finding(.tag, "the tag \(reference) names a manifest that is gone", resources: [reference.description]))
            }
            return report
        }
    }
}
