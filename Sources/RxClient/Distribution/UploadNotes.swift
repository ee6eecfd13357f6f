import Glibc
import RxCrypto
import RxHTTP
import RxModel
import RxPosix

/// The places of long uploads that have not ended, one small file each: a later process goes on where this one was when it ended.
/// Derived data, which may be deleted at any time. Source: Specs/09-command-line, CLI-062.
struct UploadNotes: Sendable {
    /// Blobs of up to this length are sent from their start when they are sent again.
    static let smallestBlob = 8 << 20
    /// How long a registry may still wait for the rest of a request whose client has died, in seconds: what rx's own waits, and some more.
    static let otherSeconds = 75
    /// How long a note is used, in seconds: what registries keep sessions for.
    static let lifetime = 24 * 3600

    /// The folder that the notes are in.
    let folder: String

    /// The note of one blob for one repository, which nobody else has meanwhile. Nil for a short blob, and when another process sends the
    /// same or the note cannot be kept: the blob is then sent from its start.
    func take(_ blob: Descriptor, _ repository: String, _ registry: RegistryURL) -> UploadNote? {
        guard blob.size > UploadNotes.smallestBlob, (try? Files.makeFolders(folder, mode: 0o700)) != nil else { return nil }
        forgetOld()
        return UploadNote("\(folder)/\(sha256(Array("\(registry)\n\(repository)\n\(blob.digest)".utf8)).hex)")
    }

    private func forgetOld() {
        for name in (try? Files.names(in: folder)) ?? [] {
            let path = "\(folder)/\(name)"
            guard let status = try? Files.status(path), status.st_mtim.tv_sec + UploadNotes.lifetime < Clock.now else { continue }
            Files.discard(path)
        }
    }
}

/// The place of one upload, locked by the process that sends to it. Used by one thread.
final class UploadNote {
    /// The longest place that is kept, in bytes.
    private static let limit = 64 << 10

    private let file: FileDescriptor
    /// Where the session was when a process ended; nil for a blob that none was sending.
    let place: UploadPlace?

    fileprivate init?(_ path: String) {
        guard let file = try? FileDescriptor.open(path, O_RDWR | O_CREAT, mode: 0o600), flock(file.number, LOCK_EX | LOCK_NB) == 0,
            let present = try? Files.status(path), let own = try? file.status(), present.st_ino == own.st_ino
        else { return nil }
        self.file = file
        let text = (try? FileSource(file).readAll(limit: UploadNote.limit)).flatMap { String(validating: $0, as: UTF8.self) }
        place = text.flatMap { UploadPlace(kept: $0) }
    }

    /// Keeps the place of the session. One that cannot be written is none.
    func keep(_ place: UploadPlace) {
        guard ftruncate(file.number, 0) == 0, (try? file.rewind()) != nil else { return }
        do { try file.write(Array(place.url.text.utf8)) } catch { ftruncate(file.number, 0) }
    }

    /// The upload has ended.
    func forget() { Files.discard(file.path) }
}
