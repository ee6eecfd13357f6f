import Glibc
import RxModel
import RxPosix
import RxStore
import Synchronization

/// A folder that is filled while its resource is still fetched: each file is written from the bytes that were just verified and staged, or is
/// made a link to what was staged. So nothing is read again, and the disk's and the network's waits are used.
///
/// It is an aside folder: nothing shows under the target's name before the resource is whole and stored. It is a help only: what it does
/// not hold in the end is made from the store, and after any trouble that is all of it. Source: Specs/12-transfer, XFR-121.
final class EarlyFolder: Sendable {
    /// What is known once the resource is.
    private struct Work: Sendable {
        let manifest: ResourceManifest
        let digest: Digest
    }

    /// What the files are made with, which is one object because it is handed out for each of them.
    private final class Place: Sendable {
        let files: [ResourceFile]
        let places: FilePlaces
        let folder: OpenFolder

        init(_ manifest: ResourceManifest, in folder: OpenFolder) {
            files = manifest.files
            places = FilePlaces(files)
            self.folder = folder
        }
    }

    /// What was made.
    struct Begun {
        let manifest: ResourceManifest
        let aside: AsideFolder
        /// What is there already, by the files' places in the manifest.
        var made: [Int: FileMaker.Made]

        /// Removes links to what is not the store's file of its content any more: another process has put its own in its place, and who
        /// links shares with the store.
        mutating func removeUnshared(_ blobs: BlobFolder?) throws {
            for (place, one) in made where one.isLinked {
                let file = manifest.files[place]
                if let blobs, try blobs.folder.status(blobs.name(file.digest)).map(FolderStamp.init)?.inode == one.stamp.inode { continue }
                try aside.folder.remove(file.path.text)
                made[place] = nil
            }
        }
    }

    private struct State: @unchecked Sendable {
        // The folder is used by whoever is inside, and removed or handed on when nobody is.
        var work: Work?
        /// Nil until the folders are made.
        var place: Place?
        var aside: AsideFolder?
        var made: [Int: FileMaker.Made] = [:]
        var inside = 0
        /// Whether no more is to be written here, and what was written is good.
        var isFull = false
        var isOver = false
        /// Whether what was made is gone: nil while somebody removes it.
        var isRemoved: Bool? = false
    }

    private let target: String
    private let link: Bool
    /// Whether it is still to be found out if files can share bytes.
    private let mayClone = Atomic(true)
    private let state = Monitor(State())

    /// For a folder at `target`; nil when something is there already, which is looked at when all is here.
    init?(ifAbsent target: String, _ options: FolderOptions) {
        self.target = Files.withoutEndingSlashes(target)
        link = options.link
        guard !options.definition else { return nil }
        do { guard try Files.status(self.target) == nil else { return nil } } catch { return nil }
    }

    /// Begins with the folders of a resource, on a thread of its own; only the first call counts. Who writes waits for them.
    func begin(_ manifest: ResourceManifest, _ digest: Digest) {
        let isFirst = state.update { state in
            guard !state.isOver, state.work == nil else { return false }
            state.work = Work(manifest: manifest, digest: digest)
            state.inside = 1
            return true
        }
        if isFirst { Thread.detach { [self] in makeFolders(manifest) } }
    }

    /// Makes the files of one content from its bytes, which were verified; `staged` is the path of the store's new file of them, if there
    /// is one.
    func write(_ digest: Digest, _ bytes: UnsafeRawBufferPointer, staged: String?) {
        let entered = state.wait { state -> Place?? in
            if state.isOver || state.isFull || state.work == nil { return .some(nil) }
            guard let place = state.place else { return nil }
            state.inside += 1
            return place
        }
        guard let place = entered ?? nil else { return }
        do {
            let made = try place.places.of(digest, in: place.files).map { index in
                // Nothing new is made in a folder that an interruption is about to remove.
                Interruption.settle()
                return (index, try make(place.files[index], in: place.folder, bytes, staged))
            }
            state.update { state in
                for (index, one) in made { state.made[index] = one }
                state.inside -= 1
            }
        } catch {
            state.update { $0.inside -= 1 }
            abandon()
        }
    }

    /// What was made of the resource with this manifest, for who completes it; nil when nothing was. Nothing more is made here.
    func take(_ digest: Digest) -> Begun? {
        let (aside, work, made) = end()
        guard let aside, let work, work.digest == digest else {
            aside?.remove()
            return nil
        }
        return Begun(manifest: work.manifest, aside: aside, made: made)
    }

    /// Removes what was made, unless it was taken, or waits until whoever removes it already has. Gives whether anything was removed: a
    /// disk that was full may then have room.
    @discardableResult
    func abandon() -> Bool {
        if let aside = end(removing: true).aside {
            aside.remove()
            state.update { $0.isRemoved = true }
        }
        return state.wait { $0.isRemoved }!
    }

    private func end(removing: Bool = false) -> (aside: AsideFolder?, work: Work?, made: [Int: FileMaker.Made]) {
        state.update { $0.isOver = true }
        let last = state.wait { state -> State? in
            guard state.inside == 0 else { return nil }
            defer {
                if removing, state.aside != nil { state.isRemoved = nil }
                state.place = nil
                state.aside = nil
                state.made = [:]
            }
            return state
        }!
        return (last.aside, last.work, last.made)
    }

    private func makeFolders(_ manifest: ResourceManifest) {
        var isMade = false
        do {
            // Who pulls in vain leaves no folder above it either.
            guard Files.isFolder(Files.folder(of: target)) else { throw PosixError("mkdir", target, errno: ENOENT) }
            // What killed runs left may be what the disk is full of.
            AsideFolder.removeDead(beside: target)
            let aside = try AsideFolder(beside: target)
            isMade = true
            for folder in FolderPlan(fresh: manifest.files).folders { try aside.folder.makeFolder(folder.text) }
            let place = Place(manifest, in: aside.folder)
            state.update { state in
                state.place = place
                state.aside = aside
                state.inside -= 1
            }
        } catch {
            state.update { state in
                state.isOver = true
                state.isRemoved = isMade
                state.inside -= 1
            }
        }
    }

    private func make(_ file: ResourceFile, in folder: OpenFolder, _ bytes: UnsafeRawBufferPointer, _ staged: String?) throws
        -> FileMaker.Made
    {
        let name = file.path.text
        if link, !file.executable, let staged, (try? folder.link(staged, as: name)) != nil {
            return FileMaker.Made(isLinked: true, stamp: try FileMaker.stamp(name, in: folder))
        }
        if let staged, mayClone.exchange(false, ordering: .relaxed), let made = try FileMaker.clone(file, as: name, in: folder, staged) {
            // To share what is not on the disk yet is to wait for the disk: the others are made when all is there.
            state.update { $0.isFull = true }
            return made
        }
        return try FileMaker.write(file, as: name, in: folder, bytes)
    }
}
