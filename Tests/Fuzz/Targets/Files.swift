import RxCrypto
import RxModel
import Synchronization

@testable import RxClient
@testable import RxSource

extension FuzzTarget {
    /// Files that come with a source, or that other programs write.
    static let files: [FuzzTarget] = [
        // A path, a line feed, and an .rxignore file.
        FuzzTarget("ignore", longest: 300) { bytes in
            var input = Input(bytes)
            guard let path = try? FilePath(parsing: input.line()) else { return }
            let scope = IgnoreScope(input.all, base: 0, outer: nil)
            let text = Array(path.text.utf8)
            let excluded = scope.excludes(text, nameAt: text.count - path.name.utf8.count, isFolder: false)
            var tree = IgnoreTree([FilePath(unchecked: IgnoreScope.fileName): input.all])
            // What is left out of a folder stays out, whatever holds for the file alone.
            if excluded { try must(tree.excludes(path), "\(path) is back") }
        },
        .text("heading", longest: 400) { text in
            guard let title = firstHeading(ofMarkdown: text) else { return }
            try must(!title.isEmpty && !title.utf8.contains { $0 == 0x0A || $0 == 0x0D }, "the heading \(title) is no line")
        },
        FuzzTarget("netrc", longest: 300) { bytes in
            for entry in Netrc.entries(bytes) where !entry.machine.isEmpty {
                let host = entry.machine.lowercased()
                if Netrc.credential(for: host, in: bytes) == nil {
                    try must(entry.secret == nil, "the secret for \(host) is not found")
                }
            }
        },
        FuzzTarget("docker", longest: 500) { bytes in
            let text = String(decoding: bytes, as: UTF8.self)
            if let decoded = Base64.decode(text) {
                try must(Base64.decode(Base64.encode(decoded)) == decoded, "base64 is read as other bytes")
            }
            let asked = Mutex<[String]>([])
            let configuration = try? DockerConfiguration(parsing: bytes) { program, _, _ in
                asked.withLock { $0.append(program) }
                throw ContentError("it cannot be run")
            }
            var notes: [String] = []
            for host in ["registry.example.com", "localhost:5000", "docker.io"] {
                _ = configuration?.credential(for: host, notes: &notes)
            }
            for program in asked.withLock({ $0 }) {
                try must(program.hasPrefix("docker-credential-") && !program.utf8.contains(UInt8(ascii: "/")), "\(program) is a path")
            }
        },
    ]
}
