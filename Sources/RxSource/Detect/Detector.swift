public import RxModel

/// Tells from a source's files what resource they are.
public protocol Detector: Sendable {
    /// The names of the files at the root that it may read. A source that is streamed keeps only these within reach.
    var reads: [String] { get }

    /// What the files are, or nil when this detector does not know them. Throws a `ResourceError` when it knows them and they are broken.
    func detect(_ candidate: SourceCandidate) throws -> Detection?
}

/// What a detector looks at.
public struct SourceCandidate {
    /// The real name of the folder.
    public let name: String
    /// The paths of every file, sorted.
    public let files: [FilePath]
    private let read: (FilePath) throws -> [UInt8]

    /// Describes a source's files; `read` gives the bytes of a small one.
    public init(name: String, files: [FilePath], read: @escaping (FilePath) throws -> [UInt8]) {
        self.name = name
        self.files = files.sorted()
        self.read = read
    }

    /// The bytes of a file at the root, or nil when there is none of that name. Throws what reading throws.
    public func bytes(of name: String) throws -> [UInt8]? {
        let path = FilePath(unchecked: name)
        return has(name) ? try read(path) : nil
    }

    /// Whether a file of that name is at the root.
    public func has(_ name: String) -> Bool {
        let path = FilePath(unchecked: name)
        var low = 0
        var high = files.count
        while low < high {
            let middle = (low + high) / 2
            if files[middle] < path { low = middle + 1 } else { high = middle }
        }
        return low < files.count && files[low] == path
    }
}

/// What a detector found.
public struct Detection: Sendable, Equatable {
    /// What the resource says of itself.
    public let definition: Definition
    /// Files that say something about the resource and are not part of its content.
    public let metadata: Set<FilePath>

    /// Describes a find.
    public init(definition: Definition, metadata: Set<FilePath> = []) {
        self.definition = definition
        self.metadata = metadata
    }
}

/// Detectors, tried in order.
public struct DetectorList: Sendable {
    private var detectors: [any Detector]

    /// By default resource.json, SKILL.md, prototype.json. Source: Specs/10-sources.
    public init(_ detectors: [any Detector] = [ResourceJSONDetector(), SkillDetector(), PrototypeDetector()]) { self.detectors = detectors }

    /// Adds a detector behind the others.
    public mutating func register(_ detector: any Detector) { detectors.append(detector) }

    /// The names of the root files that any of them reads.
    public var reads: Set<String> { Set(detectors.flatMap(\.reads)) }

    /// What the first detector that knows the files finds. `source` is the text that the user wrote, for messages.
    ///
    /// Throws `ResourceTypeError` when none knows them, `ContentError` when nothing is left but metadata.
    public func detect(_ candidate: SourceCandidate, source: String) throws -> Detection {
        for detector in detectors {
            guard let detection = try detector.detect(candidate) else { continue }
            guard candidate.files.contains(where: { !detection.metadata.contains($0) }) else {
                let hint = "put the resource's files into \(source)"
                throw ContentError("No content files after excluding metadata", code: .contentRequired, hint: hint)
            }
            return detection
        }
        throw ResourceTypeError("Cannot detect resource type from source: \(source)")
    }
}
