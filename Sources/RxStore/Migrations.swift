import RxModel

/// The catalog's schema, one step a version; a step is never changed after a release. Source: Specs/05-store.
enum Migrations {
    /// The version this program writes.
    static var current: Int { steps.count }

    /// Brings the catalog to `current`, in one transaction that begins with `prepare`. Throws `RegistryError` for one that a newer program wrote,
    /// and what `prepare` does.
    static func apply(to database: Database, path: String, _ prepare: (Database) throws -> Void) throws {
        guard try version(of: database, path: path) < current else { return }
        try database.write {
            try prepare(database)
            for (index, step) in steps.enumerated() where index >= (try version(of: database, path: path)) {
                try database.script(step)
                try fillings[index]?(database)
                try database.script("PRAGMA user_version = \(index + 1)")
            }
        }
    }

    /// Throws `RegistryError` when a newer program has brought the catalog up to date since it was opened: what that files and keeps, this one
    /// would forget.
    static func check(_ database: Database, path: String) throws { _ = try version(of: database, path: path) }

    /// The catalog's version; throws when it is newer than this program.
    private static func version(of database: Database, path: String) throws -> Int {
        let version = try database.first("PRAGMA user_version") { $0.int(0) } ?? 0
        guard version <= current else {
            throw RegistryError(
                "catalog \(path) has version \(version), and this rx knows versions up to \(current)", code: .storeUnusable,
                hint: "use the newer rx that wrote it, and start again what runs with this one")
        }
        return version
    }

    /// What a step has to do that SQL does not say, by the step's index.
    private static let fillings: [Int: @Sendable (Database) throws -> Void] = [6: { try $0.fillProvides() }]

    /// Every step, first to last.
    static let steps = [
        """
        -- Every blob that is present: its SHA-256, its length in bytes, and when it was put (seconds since 1970).
        CREATE TABLE blobs (
            digest BLOB PRIMARY KEY CHECK (length(digest) = 32),
            size INTEGER NOT NULL CHECK (size >= 0),
            added_at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;

        -- A blob that an operation was told exists: collection leaves it until then (seconds since 1970).
        CREATE TABLE leases (
            owner TEXT NOT NULL,
            digest BLOB NOT NULL CHECK (length(digest) = 32),
            until INTEGER NOT NULL,
            PRIMARY KEY (owner, digest)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX leases_by_digest ON leases (digest, until);

        -- Every manifest, once for each repository that holds it. `registry` is '' for this store's own, else the host it came from.
        CREATE TABLE manifests (
            id INTEGER PRIMARY KEY,
            registry TEXT NOT NULL,
            repository TEXT NOT NULL,
            digest BLOB NOT NULL CHECK (length(digest) = 32),
            media_type TEXT NOT NULL,
            tree BLOB CHECK (length(tree) = 32),
            size INTEGER NOT NULL,
            files INTEGER NOT NULL,
            definition TEXT NOT NULL,
            bytes BLOB NOT NULL,
            UNIQUE (registry, repository, digest)
        ) STRICT;
        CREATE INDEX manifests_by_tree ON manifests (registry, repository, tree);

        -- Which blobs a manifest names.
        CREATE TABLE refs (
            manifest INTEGER NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
            digest BLOB NOT NULL CHECK (length(digest) = 32),
            PRIMARY KEY (manifest, digest)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX refs_by_digest ON refs (digest);

        -- Every tag; `seq` grows with every put, so that the newest is known whatever the clock says.
        CREATE TABLE tags (
            registry TEXT NOT NULL,
            repository TEXT NOT NULL,
            tag TEXT NOT NULL,
            manifest INTEGER NOT NULL REFERENCES manifests (id),
            created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL,
            seq INTEGER NOT NULL,
            PRIMARY KEY (registry, repository, tag)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX tags_by_manifest ON tags (manifest);
        CREATE INDEX tags_by_seq ON tags (seq);

        -- The words that a search looks through; rowid is the manifest's id.
        CREATE VIRTUAL TABLE search USING fts5 (
            name, path, description, keywords, type, tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3'
        );

        -- The newest time this catalog has seen, so that a clock set back does not end leases early or make new ones short.
        CREATE TABLE clock (only INTEGER PRIMARY KEY CHECK (only = 1), now INTEGER NOT NULL) STRICT;
        INSERT INTO clock VALUES (1, 0);
        """,
        """
        -- The kind of artifact; the manifest that this one refers to, as it is written there; the other digest that it was put by, when it
        -- was; and whether it was put by its digest and neither tagged nor listed by an index since, so that nothing but its digest keeps it.
        ALTER TABLE manifests ADD COLUMN artifact_type TEXT;
        ALTER TABLE manifests ADD COLUMN subject TEXT;
        ALTER TABLE manifests ADD COLUMN alias TEXT;
        ALTER TABLE manifests ADD COLUMN by_digest INTEGER NOT NULL DEFAULT 0;
        UPDATE manifests SET artifact_type = 'application/vnd.rx.resource.v1';
        CREATE INDEX manifests_by_subject ON manifests (registry, repository, subject) WHERE subject IS NOT NULL;
        CREATE INDEX manifests_by_digest ON manifests (digest);

        -- Which manifests an index lists.
        CREATE TABLE children (
            manifest INTEGER NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
            digest BLOB NOT NULL CHECK (length(digest) = 32),
            PRIMARY KEY (manifest, digest)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX children_by_digest ON children (digest);

        -- Another name (sha512:...) of a blob or manifest.
        CREATE TABLE aliases (
            name TEXT PRIMARY KEY,
            digest BLOB NOT NULL CHECK (length(digest) = 32)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX aliases_by_digest ON aliases (digest);

        -- Every upload that may go on, the repository it is for, and until when (seconds since 1970). Its bytes are in uploads/<name>.
        CREATE TABLE uploads (
            name TEXT PRIMARY KEY,
            repository TEXT NOT NULL,
            until INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        """,
        """
        -- The bytes of small blobs whose files are not known to be durable yet.
        CREATE TABLE fresh (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            digest BLOB NOT NULL UNIQUE REFERENCES blobs (digest) ON DELETE CASCADE,
            bytes BLOB NOT NULL
        ) STRICT;
        """,
        """
        -- Since when (seconds since 1970) a manifest has no tag: since it was put by its digest alone, or lost its last tag. One that only an
        -- index or its subject has kept has no row, and goes with that.
        CREATE TABLE untagged (
            manifest INTEGER PRIMARY KEY REFERENCES manifests (id) ON DELETE CASCADE,
            since INTEGER NOT NULL
        ) STRICT;
        INSERT INTO untagged SELECT id, (SELECT now FROM clock) FROM manifests
            WHERE NOT EXISTS (SELECT 1 FROM tags WHERE tags.manifest = manifests.id);
        CREATE TRIGGER tag_removed AFTER DELETE ON tags WHEN NOT EXISTS (SELECT 1 FROM tags WHERE manifest = old.manifest) BEGIN
            INSERT INTO untagged SELECT id, (SELECT now FROM clock) FROM manifests WHERE id = old.manifest
                ON CONFLICT DO UPDATE SET since = excluded.since;
        END;
        CREATE TRIGGER tag_moved AFTER UPDATE OF manifest ON tags
            WHEN old.manifest <> new.manifest AND NOT EXISTS (SELECT 1 FROM tags WHERE manifest = old.manifest) BEGIN
            INSERT INTO untagged SELECT id, (SELECT now FROM clock) FROM manifests WHERE id = old.manifest
                ON CONFLICT DO UPDATE SET since = excluded.since;
        END;

        -- Who refers to a digest, in whichever repository.
        CREATE INDEX manifests_by_subject_alone ON manifests (subject) WHERE subject IS NOT NULL;
        """,
        """
        -- The manifests that stay whatever happens to their tags, and since when (seconds since 1970).
        CREATE TABLE pins (
            manifest INTEGER PRIMARY KEY REFERENCES manifests (id),
            pinned_at INTEGER NOT NULL
        ) STRICT;

        -- How often tags were put: a number that was used once is never used again, also when its tag has gone.
        ALTER TABLE clock ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;
        UPDATE clock SET seq = (SELECT coalesce(max(seq), 0) FROM tags);

        -- When a copy from a registry was last used, to the hour.
        CREATE TABLE uses (
            manifest INTEGER PRIMARY KEY REFERENCES manifests (id) ON DELETE CASCADE,
            used_at INTEGER NOT NULL
        ) STRICT;
        """,
        """
        -- A repository's tags, the newest last.
        CREATE INDEX tags_by_age ON tags (registry, repository, seq);
        """,
        """
        -- Which modules of which language a resource provides.
        CREATE TABLE provides (
            language TEXT NOT NULL,
            module TEXT NOT NULL,
            manifest INTEGER NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
            PRIMARY KEY (language, module, manifest)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX provides_by_manifest ON provides (manifest);
        """,
        """
        -- Copies from registries of which only the manifest and some files are here: no manifests of a repository. One that is to be deleted
        -- piece by piece is in the registry ' forgotten'.
        CREATE TABLE partial_copies (
            id INTEGER PRIMARY KEY,
            registry TEXT NOT NULL CHECK (registry <> ''),
            repository TEXT NOT NULL,
            digest BLOB NOT NULL CHECK (length(digest) = 32),
            tree BLOB NOT NULL CHECK (length(tree) = 32),
            tag TEXT NOT NULL,
            by_digest INTEGER NOT NULL,
            used_at INTEGER NOT NULL,
            UNIQUE (registry, repository, digest)
        ) STRICT;
        CREATE INDEX partial_copies_by_digest ON partial_copies (digest);

        -- Their manifests, apart from what changes with each use.
        CREATE TABLE partial_manifests (
            copy INTEGER PRIMARY KEY REFERENCES partial_copies (id) ON DELETE CASCADE,
            bytes BLOB NOT NULL
        ) STRICT;

        -- What a registry's tag named when it was last asked; `seq` is of the same numbers as that of `tags`.
        CREATE TABLE partial_tags (
            registry TEXT NOT NULL,
            repository TEXT NOT NULL,
            tag TEXT NOT NULL,
            copy INTEGER NOT NULL REFERENCES partial_copies (id) ON DELETE CASCADE,
            seq INTEGER NOT NULL,
            PRIMARY KEY (registry, repository, tag)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX partial_tags_by_copy ON partial_tags (copy);

        -- The blobs that a partial copy keeps: those of its files that were used.
        CREATE TABLE partial_refs (
            copy INTEGER NOT NULL REFERENCES partial_copies (id) ON DELETE CASCADE,
            digest BLOB NOT NULL CHECK (length(digest) = 32),
            PRIMARY KEY (copy, digest)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX partial_refs_by_digest ON partial_refs (digest);
        """,
    ]
}
