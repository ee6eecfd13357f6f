@testable import RxModel

extension FuzzTarget {
    /// JSON and what is written in it.
    static let documents: [FuzzTarget] = [
        FuzzTarget("json", longest: 600) { bytes in
            guard let value = try? JSON(parsing: bytes) else { return }
            let canonical = value.canonical
            let again = try accepted("canonical JSON") { try JSON(parsing: canonical) }
            try must(again == value && again.canonical == canonical, "JSON is read as another value")
            let pretty = try accepted("JSON for people") { try JSON(parsing: value.pretty) }
            try must(pretty.canonical == canonical, "JSON for people is another value")
        },
        FuzzTarget("definition", longest: 1000) { bytes in
            guard let definition = try? Definition(parsing: bytes) else { return }
            let again = try accepted("a definition, as written again,") { try Definition(parsing: definition.json.canonical) }
            try must(again == definition, "a definition is read as another")
            let locator = definition.locator
            let read = try accepted("\(locator)") { try Locator(parsing: locator.description) }
            try must(read == locator && read.registry == nil, "\(locator) is read as \(read)")
        },
        FuzzTarget("manifest", longest: 3000) { bytes in
            // With its white space the scanner leaves it to the parser.
            let slow = try? ResourceManifest(parsing: Array(JSON(parsing: bytes).pretty.utf8))
            let fast = try? ResourceManifest(parsing: bytes)
            try must(slow == fast, "the scanner and the parser of manifests differ")
            guard let manifest = fast else { return }
            let again = try accepted("a manifest, as written again,") { try ResourceManifest(parsing: manifest.bytes) }
            try must(again == manifest && again.bytes == manifest.bytes, "a manifest is read as another")
            _ = (manifest.size, manifest.blobs, treeText(manifest.files))
        },
        FuzzTarget("artifact", longest: 1500) { bytes in
            guard let manifest = try? ArtifactManifest(parsing: bytes, mediaType: nil) else { return }
            try must(manifest.size >= 0 && manifest.blobs.allSatisfy { $0.size >= 0 }, "a size is below 0")
            for each in manifest.manifests + manifest.layers + [manifest.subject, manifest.config].compactMap({ $0 }) {
                try must(LocatorGrammar.isTag(each.digest.referrersTag), "\(each.digest) has no tag for referrers")
            }
            _ = Definition.foreign(manifest, repository: "team/hello").json.canonical
            var foreign = ForeignFiles(find: { _ in nil }, resolve: { $0.digest.sha256 })
            let files = try accepted("a foreign manifest's list") { try foreign.files(of: manifest) }
            try accepted("a foreign manifest's tree") { try ResourceManifest.checkTree(files: files.map(\.path)) }
            guard let packed = try? PackedResource(manifest) else { return }
            let again = try accepted("a packed manifest") { try PackedResource(ArtifactManifest(parsing: packed.bytes, mediaType: nil)) }
            try must(again.bytes == packed.bytes && again.manifest == packed.manifest, "a packed manifest is read as another")
        },
        FuzzTarget("files", longest: 600) { bytes in
            guard let files = try? FileIndex.files(parsing: bytes) else { return }
            let written = FileIndex.bytes(files)
            let again = try accepted("a list of files") { try FileIndex.files(parsing: written) }
            try must(Set(again) == Set(files) && FileIndex.bytes(again) == written, "a list of files is read as another")
        },
        FuzzTarget("lock", longest: 1500) { bytes in
            guard let lock = try? Lock(parsing: bytes) else { return }
            let text = lock.text
            let again = try accepted("a lock, as written again,") { try Lock(parsing: Array(text.utf8)) }
            try must(again == lock && again.text == text, "a lock is read as another")
            for entry in lock.entries {
                try must(entry.locator.registry == nil && entry.locator.digestPrefix == nil, "\(entry.locator) has a host or a digest")
                try must(lock.entry(of: entry.pinned)?.manifest == entry.manifest, "\(entry.locator) is not found by its digest")
                for module in entry.provides.names { try must(lock.entry(providing: module) == entry, "\(module) is another's") }
            }
        },
    ]
}
