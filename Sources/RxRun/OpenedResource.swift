package import RxLoader
package import RxModel

/// A resource that a program has: its files, and the folder where those that were asked for are.
package struct OpenedResource: Sendable {
    /// Where it was found, and what reads its files.
    package let stored: StoredResource
    /// Where its files appear.
    package let root: String
    /// Its files.
    package let tree: ResourceTree

    /// The digest of its manifest.
    package var digest: Digest { stored.digest }

    /// A resource whose view is `root`.
    package init(_ stored: StoredResource, root: String) {
        self.stored = stored
        self.root = root
        tree = ResourceTree(stored.manifest)
    }

    /// Whether its definition says that it provides a module, or says nothing and the resource has the module's name.
    package func provides(_ module: ModuleName) -> Bool {
        let said = stored.manifest.definition.provides
        guard said.isEmpty else { return said.names.contains(module) }
        return module.namesake.map { stored.locator.repository.utf8.elementsEqual($0.repository.utf8) } ?? false
    }

    /// What a lock says of it: under the tag that its definition has where no other was asked for.
    package var entry: Lock.Entry {
        let definition = stored.manifest.definition
        let tag = stored.locator.tag == Locator.latest ? definition.tag ?? Locator.latest : stored.locator.tag
        return Lock.Entry(
            locator: stored.locator.tagged(tag), manifest: digest, tree: stored.manifest.tree, provides: definition.provides)
    }
}
