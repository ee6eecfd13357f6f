public import RxModel
import RxPosix

/// A folder on this machine.
public struct FolderSource: ResourceSource {
    /// Makes the source.
    public init() {}

    /// Whether the text is written as a folder.
    public func accepts(_ text: String) -> Bool { isFolderText(text) }

    /// Walks the folder and detects what it is; `stage` is not used.
    public func load(_ text: String, detectors: DetectorList, stage: StageContent) throws -> SourceResource {
        try load(FolderSource.open(text), source: text, detectors: detectors)
    }

    /// The same for a folder that is open already. `source` is the text that the user wrote, for messages.
    public func load(_ folder: SourceFolder, source: String, detectors: DetectorList = DetectorList()) throws -> SourceResource {
        let entries = try folder.entries()
        let candidate = SourceCandidate(name: folder.name, files: entries.map(\.path)) { path in
            guard let entry = entries.first(where: { $0.path == path }), case .regular = entry.kind else {
                throw ContentError("entry \(FilePath.quoted(path.text)): must be a file, not a symlink")
            }
            return try entry.read()
        }
        let detection = try detectors.detect(candidate, source: source)
        let content = entries.filter { !detection.metadata.contains($0.path) }
        return SourceResource(definition: detection.definition, content: .folder(content, in: folder))
    }

    /// Opens the folder that a text means; `~/` is the user's home. Throws `ContentError` "Cannot load source: X" when there is no folder.
    public static func open(_ text: String) throws -> SourceFolder {
        let path = text == "~" || text.hasPrefix("~/") ? Host.home + text.dropFirst() : text
        guard !path.utf8.contains(0) else { throw ContentError.cannotLoad(text, hint: "a path cannot hold a NUL") }
        do {
            return try SourceFolder(path: path)
        } catch let error as PosixError {
            let isFile = try error.isMissing && Files.status(path) != nil
            throw ContentError.cannotLoad(
                text, hint: isFile ? "it is a file: a resource is a folder" : error.isMissing ? "there is no such folder" : error.message)
        }
    }
}

/// Whether a text is written as a folder: `.`, `..`, `~`, or with `./`, `../`, `/` or `~/` in front or `/` at the end, and is no URL.
///
/// A folder that happens to be called `hello` never stands in the way of the locator `hello`. Source: Specs/10-sources.
public func isFolderText(_ text: String) -> Bool {
    if text == "." || text == ".." || text == "~" { return true }
    if ["./", "../", "/", "~/"].contains(where: text.hasPrefix) { return true }
    return text.utf8.last == UInt8(ascii: "/") && !text.contains("://")
}
