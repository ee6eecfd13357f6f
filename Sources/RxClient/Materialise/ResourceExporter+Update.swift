import RxModel
import RxPosix
import Synchronization

extension ResourceExporter {
    /// Brings a folder up to date. Nothing is touched before all that is new is written aside.
    func update(_ root: OpenFolder, named target: String, _ source: FolderRequest, _ options: FolderOptions) throws -> FolderReport {
        let record = records?.record(of: root.path)
        if let record, let report = try unchanged(root, record, source, options) { return report }
        let (wanted, inlined) = try files(source, options)
        let lookedAt = Clock.nanoseconds
        let plan = try plan(root, wanted, record, options)
        if record != nil { try plan.check(target) }
        guard options.force || !(plan.keep.isEmpty && plan.replace.isEmpty && plan.remove.isEmpty) else {
            throw ContentError(
                "\(target) exists already and is not an empty folder",
                hint: "name a folder that does not exist yet, or write into this one with --force")
        }
        try plan.check(target)
        guard !plan.isDone else {
            var report = FolderReport()
            report.kept = plan.keep.count
            keep(plan.keep.map(\.entry), source, options, writtenAt: lookedAt, of: root.path)
            return report
        }
        let files = plan.make + plan.replace + plan.overwrite
        progress.begin("writing", total: files.reduce(0) { $0 + $1.size }, files: files.count)
        defer { progress.end() }
        let writer = try writer(source, inlined, options)
        let aside = try AsideFolder(beside: "\(root.path)/")
        defer { aside.remove() }
        // Whatever ends this run, the next one knows the old files and the new ones as rx's own.
        records?.keep(FolderRecord(during: plan, from: record), of: root.path)
        let (entries, report) = try writer.update(root, by: plan, aside: aside.folder)
        keep(entries, source, options, writtenAt: Clock.nanoseconds, of: root.path)
        return report
    }

    /// What there is to report when nothing of the folder has changed since the same was written: one look a file says so, and the
    /// manifest is not read.
    private func unchanged(_ root: OpenFolder, _ record: FolderRecord, _ source: FolderRequest, _ options: FolderOptions) throws
        -> FolderReport?
    {
        guard record.manifest == source.manifestDigest, record.definition == definitionDigest(source, options),
            options.link || !record.entries.contains(where: \.isLinked)
        else { return nil }
        let present = try FolderSurvey(root: root).look(at: record.entries.map(\.path))
        let isUnchanged = zip(record.entries, present).allSatisfy { entry, present in
            guard case .entry(let kind, let stamp, _) = present else { return false }
            return record.isUnchanged(entry, stamp, kind)
        }
        guard isUnchanged else { return nil }
        var report = FolderReport()
        report.kept = record.entries.count
        return report
    }

    private func plan(_ root: OpenFolder, _ wanted: [ResourceFile], _ record: FolderRecord?, _ options: FolderOptions) throws -> FolderPlan
    {
        let survey = FolderSurvey(root: root)
        let own = Set(record?.entries.map(\.path) ?? [])
        let paths = own.union(wanted.map(\.path)).sorted()
        let present = Dictionary(uniqueKeysWithValues: zip(paths, try survey.look(at: paths)))
        let unclear = FolderPlan.unclear(wanted: wanted, record: record, present: present)
        let contents = Mutex<[FilePath: EntryContent]>([:])
        try WorkerPool.forEach(0..<unclear.count, threads: Host.processors) { index in
            let content = try survey.content(of: unclear[index])
            contents.withLock { $0[unclear[index]] = content }
        }
        let foreign = try FolderPlan.foldersInTheWay(of: wanted, present: present).filter { try survey.holdsOthers($0, than: own) }
        return FolderPlan(
            wanted: wanted, record: record, present: present, contents: contents.withLock { $0 }, foreign: Set(foreign), options: options)
    }
}

extension FolderPlan.Kept {
    /// The file as the record keeps it.
    var entry: FolderRecord.Entry { FolderRecord.Entry(path: file.path, content: file.content, isLinked: isLinked, stamp: stamp) }
}

extension FolderRecord {
    /// What is rx's own while a plan is carried out: what was there and stays or goes, and what comes.
    init(during plan: FolderPlan, from old: FolderRecord?) {
        let coming = (plan.make + plan.replace + plan.overwrite).map {
            Entry(path: $0.path, content: $0.content, isLinked: false, stamp: nil)
        }
        let leaving = Set(plan.remove + plan.replace.map(\.path))
        self.init(
            manifest: nil, definition: nil, writtenAt: old?.writtenAt ?? 0,
            entries: plan.keep.map(\.entry) + coming + (old?.entries.filter { leaving.contains($0.path) } ?? []))
    }
}
