import Glibc
import RxModel
import RxPosix
import RxStore
import Synchronization

/// Carries out a plan: makes everything aside, then puts it into place.
struct FolderWriter {
    /// How many files of one folder a thread makes before it asks for more.
    private static let batch = 128

    let maker: FileMaker

    /// One file that is there now, as the record keeps it.
    typealias Entry = FolderRecord.Entry

    /// Makes a whole tree in a folder that nobody else knows, and that is empty or, with `made`, has the tree's folders and those files, by
    /// their places in the plan. Files first and symlinks last: nothing is ever written through one.
    func makeTree(_ plan: FolderPlan, in root: OpenFolder, made: [Int: FileMaker.Made]? = nil) throws -> (
        entries: [Entry], report: FolderReport
    ) {
        if made == nil { for folder in plan.folders { try root.makeFolder(folder.text) } }
        let files = plan.make
        var all = files.indices.map { made?[$0] }
        for (file, one) in zip(files, all) where one != nil { maker.note(file) }
        for (place, one) in try make(files.indices.filter { all[$0] == nil && files[$0].symlink == nil }, of: files, in: root) {
            all[place] = one
        }
        let lane = FileMaker.Lane()
        for (place, file) in files.enumerated() where file.symlink != nil {
            all[place] = try maker.make(file, as: file.path.text, in: root, lane)
        }
        var report = FolderReport()
        // A fresh plan is in the order of the paths.
        let entries = zip(files, all).map { file, one in
            report.add(FolderWriter.report(file, one!))
            return entry(file, one!)
        }
        return (entries, report)
    }

    /// Changes a folder that is in use: what is new is made in `aside`, then what goes is removed and the rest moved into place.
    func update(_ root: OpenFolder, by plan: FolderPlan, aside: OpenFolder) throws -> (entries: [Entry], report: FolderReport) {
        for file in plan.overwrite { try maker.verify(file) }
        let files = plan.make + plan.replace + plan.overwrite
        let lanes = Lanes()
        let made = Mutex<[Int: FileMaker.Made]>([:])
        try WorkerPool.forEach(0..<files.count, threads: Host.processors) { [maker] index in
            let one = try lanes.use { try maker.make(files[index], as: "\(index)", in: aside, $0) }
            made.withLock { $0[index] = one }
        }
        return try Interruption.finishing {
            try check(plan, in: root)
            return try place(files, made.withLock { $0 }, plan, from: aside, in: root)
        }
    }

    /// Looks once more at what is about to go: writing what is new may have taken long. Throws `ContentError` for what was changed meanwhile.
    private func check(_ plan: FolderPlan, in root: OpenFolder) throws {
        for (path, stamp) in plan.leaving {
            let now = try root.status(path.text).map { FolderStamp($0) }
            // The change time of a hard link is that of all its names.
            guard let now, now.size == stamp.size, now.modifiedAt == stamp.modifiedAt, now.inode == stamp.inode else {
                throw ContentError(
                    "\(FilePath.quoted(path.text)) was changed by somebody else while \(root.path) was brought up to date",
                    hint: "nothing was changed; run the same command again")
            }
        }
    }

    /// Removes what goes and moves what was made into place.
    private func place(
        _ files: [ResourceFile], _ made: [Int: FileMaker.Made], _ plan: FolderPlan, from aside: OpenFolder, in root: OpenFolder
    ) throws -> (entries: [Entry], report: FolderReport) {
        var report = FolderReport()
        for path in plan.remove {
            try folder(of: path, in: root).remove(path.lastName)
            report.removed += 1
        }
        for folder in plan.vacated {
            // What others put there keeps its folder.
            do { try self.folder(of: folder, in: root).removeFolder(folder.lastName) } catch {
                guard let failure = error as? PosixError, failure.isMissing || failure.errno == ELOOP else { throw error }
            }
        }
        for folder in plan.folders { try self.folder(of: folder, in: root).makeFolder(folder.lastName) }
        var entries = plan.keep.map(\.entry)
        report.kept = plan.keep.count
        for (index, file) in files.enumerated() {
            let folder = try folder(of: file.path, in: root)
            try aside.move("\(index)", to: folder, as: file.path.lastName, replacing: index >= plan.make.count)
            let one = made[index]!
            // Moving a file changes its change time.
            let stamp = try folder.status(file.path.lastName).map { FolderStamp($0) }
            entries.append(Entry(path: file.path, content: file.content, isLinked: one.isLinked, stamp: stamp))
            report.add(FolderWriter.report(file, one))
        }
        return (entries.sorted { $0.path < $1.path }, report)
    }

    private func folder(of path: FilePath, in root: OpenFolder) throws -> OpenFolder {
        try path.parent.map { try root.folder($0.text) } ?? root
    }

    /// Makes those of the files that are at these places, whose folders are there; those of one folder by one thread: a file system locks a
    /// folder that it changes.
    private func make(_ places: [Int], of files: [ResourceFile], in root: OpenFolder) throws -> [(place: Int, made: FileMaker.Made)] {
        let jobs = FolderWriter.jobs(places, of: files)
        let lanes = Lanes()
        let all = Mutex<[(place: Int, made: FileMaker.Made)]>([])
        try WorkerPool.forEach(0..<jobs.count, threads: Host.processors) { number in
            try lanes.use { lane in
                let job = jobs[number]
                let folder = try files[job[0]].path.parent.map { try root.folder($0.text) } ?? root
                let made = try job.map { (place: $0, made: try maker.make(files[$0], as: files[$0].path.lastName, in: folder, lane)) }
                all.withLock { $0 += made }
            }
        }
        return all.withLock { $0 }
    }

    /// Places of files, by folder, in portions.
    private static func jobs(_ places: [Int], of files: [ResourceFile]) -> [[Int]] {
        var last: [FilePath?: Int] = [:]
        var jobs: [[Int]] = []
        for place in places {
            let parent = files[place].path.parent
            if let job = last[parent], jobs[job].count < batch {
                jobs[job].append(place)
            } else {
                last[parent] = jobs.count
                jobs.append([place])
            }
        }
        return jobs
    }

    private func entry(_ file: ResourceFile, _ made: FileMaker.Made) -> Entry {
        Entry(path: file.path, content: file.content, isLinked: made.isLinked, stamp: made.stamp)
    }

    private static func report(_ file: ResourceFile, _ made: FileMaker.Made) -> FolderReport {
        var report = FolderReport()
        report.written = 1
        report.writtenBytes = file.size
        report.linked = made.isLinked ? 1 : 0
        report.cloned = made.isCloned ? 1 : 0
        return report
    }
}

/// Buffers and hashers, one set for each thread that is at work.
private final class Lanes: Sendable {
    private struct Free: @unchecked Sendable {
        // Each lane is with one thread at a time.
        var lanes: [FileMaker.Lane] = []
    }

    private let free = Mutex(Free())

    func use<Value>(_ body: (FileMaker.Lane) throws -> Value) rethrows -> Value {
        let box = free.withLock { Free(lanes: $0.lanes.popLast().map { [$0] } ?? []) }
        let lane = box.lanes.first ?? FileMaker.Lane()
        defer {
            let back = Free(lanes: [lane])
            free.withLock { $0.lanes += back.lanes }
        }
        return try body(lane)
    }
}
