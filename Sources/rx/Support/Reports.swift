import RxClient
import RxModel

extension FolderReport {
    /// `Written: 3 files, 1.2 KiB (9,997 kept, 1 removed)`; what is nothing is left out.
    var words: String {
        let parts = [(kept, "kept"), (linked, "linked"), (cloned, "cloned"), (removed, "removed")].filter { $0.0 > 0 }
        let size = written > 0 ? ", \(Output.bytes(writtenBytes))" : ""
        let rest = parts.isEmpty ? "" : " (\(parts.map { "\(Output.number($0.0)) \($0.1)" }.joined(separator: ", ")))"
        return "Written: \(Output.count(written, "file"))\(size)\(rest)"
    }

    /// The same numbers for programs.
    var json: JSON {
        .members([
            "written": .integer(written), "writtenBytes": .integer(writtenBytes), "linked": .integer(linked), "cloned": .integer(cloned),
            "kept": .integer(kept), "removed": .integer(removed),
        ])
    }
}

extension TransferReport {
    /// `Sent: 1 of 10,000 files, 512.3 KiB (9,999 reused)`: what travelled, the bytes on the wire, and what did not have to.
    func words(_ verb: String, of things: String = "file") -> String {
        let rest = reusedBlobs > 0 ? " (\(Output.number(reusedBlobs)) reused)" : ""
        return "\(verb): \(Output.number(sentBlobs)) of \(Output.count(blobs, things)), \(Output.bytes(wireBytes))\(rest)"
    }

    /// The same numbers for programs.
    var json: JSON {
        .members([
            "blobs": .integer(blobs), "bytes": .integer(bytes), "reusedBlobs": .integer(reusedBlobs), "reusedBytes": .integer(reusedBytes),
            "sentBlobs": .integer(sentBlobs), "wireBytes": .integer(wireBytes), "requests": .integer(requests),
        ])
    }
}
