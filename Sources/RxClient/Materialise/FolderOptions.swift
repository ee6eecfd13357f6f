/// How a resource is written to a folder.
public struct FolderOptions: Sendable, Equatable {
    /// Whether resource.json is written too.
    public var definition: Bool
    /// Whether files are hard links to the store's, and so read-only, where that can be.
    public var link: Bool
    /// Whether files that were changed by others are written anew.
    public var force: Bool

    /// Chooses how to write.
    public init(definition: Bool = false, link: Bool = false, force: Bool = false) {
        self.definition = definition
        self.link = link
        self.force = force
    }
}

/// What writing a resource to a folder did.
public struct FolderReport: Sendable, Equatable {
    /// Files and symlinks that were made or replaced.
    public var written = 0
    /// The bytes of those.
    public var writtenBytes = 0
    /// Those of them that are hard links to the store's files.
    public var linked = 0
    /// Those of them that share the store's bytes until they are written to.
    public var cloned = 0
    /// Files that were right already and were not touched.
    public var kept = 0
    /// Files of what was there before that the resource does not have.
    public var removed = 0

    /// Nothing done yet.
    public init() {}

    mutating func add(_ other: FolderReport) {
        written += other.written
        writtenBytes += other.writtenBytes
        linked += other.linked
        cloned += other.cloned
        kept += other.kept
        removed += other.removed
    }
}
