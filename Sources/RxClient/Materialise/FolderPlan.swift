import RxModel

/// What is at a path of a folder.
enum PresentEntry: Equatable, Sendable {
    /// Nothing.
    case absent
    /// A file or symlink; `isLinked` when it is read-only and has more than one name, as a hard link to a blob has.
    case entry(EntryContent.Kind, FolderStamp, isLinked: Bool)
    /// A folder.
    case folder
    /// A device, socket or pipe.
    case other
    /// Something that is no folder is at this path above.
    case blocked(by: FilePath)
}

/// What to do so that a folder holds a resource: decided before anything is touched, from what was looked at.
struct FolderPlan: Equatable, Sendable {
    /// A file that is as it should be.
    struct Kept: Equatable, Sendable {
        let file: ResourceFile
        let isLinked: Bool
        let stamp: FolderStamp
    }

    /// Why a path cannot be written.
    enum Obstacle: Equatable, Sendable {
        /// It was changed since rx wrote it, or is not rx's at all.
        case changed
        /// It is a folder that others put something into.
        case folder
        /// It is a device, socket or pipe.
        case special
        /// A path above it is no folder, but somebody's symlink or file.
        case behind(FilePath)
    }

    /// A path that stands in the way.
    struct Conflict: Equatable, Sendable {
        let path: FilePath
        let obstacle: Obstacle
    }

    /// Files that are to be made where nothing is.
    private(set) var make: [ResourceFile] = []
    /// Files that take the place of what rx wrote.
    private(set) var replace: [ResourceFile] = []
    /// Files that take the place of what others wrote.
    private(set) var overwrite: [ResourceFile] = []
    /// Files that stay untouched.
    private(set) var keep: [Kept] = []
    /// Files that rx wrote and the resource does not have.
    private(set) var remove: [FilePath] = []
    /// Folders that may be empty after that, deepest first.
    private(set) var vacated: [FilePath] = []
    /// Folders that must be there, outermost first.
    private(set) var folders: [FilePath] = []
    /// What the files that go looked like: one that looks different when its turn comes is somebody's work.
    private(set) var leaving: [FilePath: FolderStamp] = [:]
    /// What stands in the way; nothing may be touched unless it is empty.
    private(set) var conflicts: [Conflict] = []

    /// Whether there is nothing to do.
    var isDone: Bool { make.isEmpty && replace.isEmpty && overwrite.isEmpty && remove.isEmpty && conflicts.isEmpty }

    /// The plan for a folder that is empty.
    init(fresh wanted: [ResourceFile]) {
        make = wanted
        folders = FolderPlan.parents(of: wanted.map(\.path))
    }

    /// The plan for a folder that holds `present`. `contents` are those of the paths that `unclear` gave; `foreign` are the folders in
    /// the way of a file that hold something else than what rx wrote.
    init(
        wanted: [ResourceFile], record: FolderRecord?, present: [FilePath: PresentEntry], contents: [FilePath: EntryContent],
        foreign: Set<FilePath>, options: FolderOptions
    ) {
        let known = FolderPlan.known(record)
        let wantedByPath = Dictionary(wanted.map { ($0.path, $0) }) { first, _ in first }
        var removed: Set<FilePath> = []
        for path in Set(known.keys).union(wantedByPath.keys).sorted() {
            let step = FolderPlan.step(
                at: path, wantedByPath[path], known[path] ?? [], present[path] ?? .absent, contents[path], record, options,
                removed: removed, foreign: foreign)
            switch step {
            case .nothing: break
            case .make(let file): make.append(file)
            case .replace(let file):
                replace.append(file)
                leave(path, present)
            case .overwrite(let file): overwrite.append(file)
            case .keep(let kept): keep.append(kept)
            case .conflict(let obstacle): conflicts.append(Conflict(path: path, obstacle: obstacle))
            case .remove:
                removed.insert(path)
                remove.append(path)
                leave(path, present)
            }
        }
        folders = FolderPlan.parents(of: (make + replace + overwrite).map(\.path))
        let needed = Set(FolderPlan.parents(of: wanted.map(\.path)))
        // Also below a folder that gives its place to a file, whose entries others may have removed.
        vacated = FolderPlan.parents(of: known.keys.filter { wantedByPath[$0] == nil }).filter { !needed.contains($0) }.reversed()
    }

    private mutating func leave(_ path: FilePath, _ present: [FilePath: PresentEntry]) {
        if case .entry(_, let stamp, _) = present[path] { leaving[path] = stamp }
    }

    /// The paths whose content must be read before it is known what to do: those that look neither as rx left them, nor as if they could
    /// not be what is wanted.
    static func unclear(wanted: [ResourceFile], record: FolderRecord?, present: [FilePath: PresentEntry]) -> [FilePath] {
        let known = known(record)
        let wantedByPath = Dictionary(wanted.map { ($0.path, $0) }) { first, _ in first }
        return Set(known.keys).union(wantedByPath.keys).sorted().filter { path in
            guard case .entry(let kind, let stamp, _) = present[path] else { return false }
            let entries = known[path] ?? []
            if entries.contains(where: { record!.isUnchanged($0, stamp, kind) }) { return false }
            // The length of what was written is in the resource, or in the stamp where it is known.
            return wantedByPath[path]?.size == stamp.size || entries.contains { $0.stamp == nil || $0.stamp?.size == stamp.size }
        }
    }

    /// The folders that a file is to take the place of.
    static func foldersInTheWay(of wanted: [ResourceFile], present: [FilePath: PresentEntry]) -> [FilePath] {
        wanted.map(\.path).filter { present[$0] == .folder }
    }

    private static func known(_ record: FolderRecord?) -> [FilePath: [FolderRecord.Entry]] {
        Dictionary(grouping: record?.entries ?? [], by: \.path)
    }

    /// Every folder above these paths, outermost first.
    static func parents(of paths: [FilePath]) -> [FilePath] {
        var found: Set<FilePath> = []
        for path in paths {
            var at = path.parent
            while let folder = at, found.insert(folder).inserted { at = folder.parent }
        }
        return found.sorted()
    }
}

extension FolderPlan {
    private enum Step {
        case nothing, remove
        case make(ResourceFile), replace(ResourceFile), overwrite(ResourceFile)
        case keep(Kept)
        case conflict(Obstacle)
    }

    private static func step(
        at path: FilePath, _ wanted: ResourceFile?, _ known: [FolderRecord.Entry], _ present: PresentEntry, _ content: EntryContent?,
        _ record: FolderRecord?, _ options: FolderOptions, removed: Set<FilePath>, foreign: Set<FilePath>
    ) -> Step {
        switch present {
        case .absent: return wanted.map { .make($0) } ?? .nothing
        case .blocked(let above):
            guard let wanted else { return .nothing }
            return removed.contains(above) ? .make(wanted) : .conflict(.behind(above))
        case .folder:
            // What is there of rx's own goes first, and the folder with it.
            guard let wanted else { return .nothing }
            return foreign.contains(path) ? .conflict(.folder) : .make(wanted)
        case .other: return wanted == nil ? .nothing : .conflict(.special)
        case .entry(let kind, let stamp, let isLinked):
            let entry = known.first { record!.isUnchanged($0, stamp, kind) }
            let content = entry?.content ?? content
            let isOwn = content.map { content in known.contains { $0.content == content } } ?? false
            guard let wanted else { return isOwn ? .remove : options.force ? .nothing : .conflict(.changed) }
            if wanted.content == content {
                let isShared = isLinked || entry?.isLinked == true
                // Who asks for files of their own gets them.
                if isShared, !options.link { return .replace(wanted) }
                return .keep(Kept(file: wanted, isLinked: isShared, stamp: stamp))
            }
            if isOwn { return .replace(wanted) }
            return options.force ? .overwrite(wanted) : .conflict(.changed)
        }
    }
}
