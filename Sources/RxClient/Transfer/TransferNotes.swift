import Glibc
import RxCrypto
import RxHTTP
import RxModel
import RxPosix

/// What was pushed last under each tag of each registry, in `cache/` of the home: it may be deleted at any time, and is never believed without
/// a question to the registry.
struct TransferNotes: Sendable {
    /// How many notes are kept; those that were written longest ago go first.
    static let most = 10_000

    private let folder: String

    /// The notes of a home.
    init(home: String) { folder = "\(home)/cache/pushed" }

    /// The manifest that a registry had under a locator when it was last pushed there.
    func manifest(_ locator: Locator, at registry: RegistryURL) -> Digest? {
        guard let bytes = try? Files.read(path(locator, registry), limit: 128) else { return nil }
        return Digest(String(decoding: bytes, as: UTF8.self))
    }

    /// Notes what a registry has now. What cannot be written is asked for next time.
    func note(_ manifest: Digest, as locator: Locator, at registry: RegistryURL) {
        guard self.manifest(locator, at: registry) != manifest else { return }
        let path = path(locator, registry)
        let aside = "\(path).\(RandomName.make())"
        do {
            try Files.makeFolders(folder)
            let file = try FileDescriptor.open(aside, O_WRONLY | O_CREAT | O_EXCL, mode: 0o644)
            try file.write(Array(manifest.description.utf8))
            // Not synced: a note that is lost costs one request.
            try Files.rename(aside, to: path)
            let all = try Files.names(in: folder)
            // Many at once, so that not each further note looks at all.
            if all.count > TransferNotes.most { Files.evict(all.map { "\(folder)/\($0)" }, count: TransferNotes.most * 9 / 10) }
        } catch { Files.discard(aside) }
    }

    private func path(_ locator: Locator, _ registry: RegistryURL) -> String {
        "\(folder)/\(sha256(Array("\(registry)\n\(locator.at(registry: nil))".utf8)).hex)"
    }
}
