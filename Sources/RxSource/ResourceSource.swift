public import RxModel

/// Takes one stream of bytes into a store and gives the blob's digest and length; reads its source to the end.
public typealias StageContent = (any ByteSource) throws -> (digest: Digest, size: Int)

/// A place that resources are added from: a folder, a page of a code host, whatever a host program registers.
public protocol ResourceSource: Sendable {
    /// Whether a text means this kind of source. Looks at the text only: no file, no network.
    func accepts(_ text: String) -> Bool

    /// Finds the files and what resource they are. A source that is not on this machine's disk hands its files to `stage`, one by one;
    /// a folder's files stay where they are.
    ///
    /// Throws a `ResourceError`: "Cannot load source: X" when there is nothing to load, and what the detectors throw.
    func load(_ text: String, detectors: DetectorList, stage: StageContent) throws -> SourceResource
}

/// What a source holds: the definition, and the files without metadata, sorted by path.
public struct SourceResource: Sendable {
    /// Where the files are.
    public enum Content: Sendable {
        /// Still in their folder, to be read by whoever wants them.
        case folder([SourceEntry], in: SourceFolder)
        /// In the store already.
        case staged([ResourceFile])
    }

    /// What the resource says of itself.
    public let definition: Definition
    /// Its files.
    public let content: Content

    /// Describes a resource that was found.
    public init(definition: Definition, content: Content) {
        self.definition = definition
        self.content = content
    }
}

/// Sources, tried in order: folders, then those that a host program registers.
public struct SourceRegistry: Sendable {
    private var sources: [any ResourceSource]
    /// Tell what resource a source's files are.
    public var detectors: DetectorList

    /// Starts with these sources. A program with a network adds a `GitHubSource`.
    public init(_ sources: [any ResourceSource] = [FolderSource()], detectors: DetectorList = DetectorList()) {
        self.sources = sources
        self.detectors = detectors
    }

    /// Adds a source behind the others.
    public mutating func register(_ source: any ResourceSource) { sources.append(source) }

    /// Whether a text means a source; otherwise it may be a locator.
    public func accepts(_ text: String) -> Bool { sources.contains { $0.accepts(text) } }

    /// Loads from the first source that accepts the text. Throws `ContentError` "Cannot load source: X" when none does, and what
    /// loading throws.
    public func load(_ text: String, stage: StageContent) throws -> SourceResource {
        guard let source = sources.first(where: { $0.accepts(text) }) else {
            throw ContentError.cannotLoad(text, hint: "write a folder as ./name, a page as https://github.com/OWNER/REPO/tree/BRANCH/PATH")
        }
        return try source.load(text, detectors: detectors, stage: stage)
    }
}

extension ContentError {
    /// Nothing can be loaded from what the user wrote.
    public static func cannotLoad(_ source: String, hint: String? = nil) -> ContentError {
        ContentError("Cannot load source: \(source)", code: .notFound, hint: hint)
    }
}
