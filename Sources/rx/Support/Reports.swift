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
