-- The schema of a new store, version 3. The order of the columns is that of stores which came from version 2.

-- One row: what the store as a whole knows of itself.
CREATE TABLE store (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    epoch      TEXT    NOT NULL,            -- changes when the contents are replaced as a whole
    seq        INTEGER NOT NULL DEFAULT 0,  -- rises with every write
    generation INTEGER NOT NULL DEFAULT 0,  -- rises with every write but counts of use
    model      TEXT    NOT NULL DEFAULT '',
    dim        INTEGER NOT NULL DEFAULT 0,
    analysis   TEXT    NOT NULL DEFAULT '', -- fingerprint of the analysis that records.digest was made with
    remodel    TEXT    NOT NULL DEFAULT '', -- of the vectors that are gathered for re-embedding
    redim      INTEGER NOT NULL DEFAULT 0,
    clock      INTEGER NOT NULL DEFAULT 0,  -- the latest time written, so that the store's times never run backwards
    lineage    TEXT    NOT NULL DEFAULT '', -- what a copy of the store shares with it
    secret     BLOB    NOT NULL DEFAULT x'' -- what it signs plans with
) STRICT;

-- AUTOINCREMENT here and below: the number of what was deleted is never given to another.
CREATE TABLE scopes (
    scope   INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant  TEXT NOT NULL,
    user    TEXT NOT NULL,
    agent   TEXT NOT NULL,
    session TEXT NOT NULL,
    sum     INTEGER NOT NULL DEFAULT 0, -- checksum of the row, here and below
    UNIQUE (tenant, user, agent, session)
) STRICT;

-- The pairs of tenant and user: what no query crosses, and what is loaded together.
CREATE TABLE owners (
    owner  INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    user   TEXT NOT NULL,
    UNIQUE (tenant, user)
) STRICT;

-- Times are microseconds since 1970, in UTC.
CREATE TABLE records (
    row           INTEGER PRIMARY KEY AUTOINCREMENT,
    id            TEXT    NOT NULL UNIQUE,
    scope         INTEGER NOT NULL REFERENCES scopes (scope),
    seq           INTEGER NOT NULL,           -- of the last write that touched the row
    kind          TEXT    NOT NULL,
    origin        TEXT    NOT NULL,
    role          TEXT    NOT NULL,
    speaker       TEXT    NOT NULL,
    position      INTEGER NOT NULL,
    key           TEXT,
    created       INTEGER NOT NULL,
    valid_from    INTEGER,
    valid_until   INTEGER,
    recorded      INTEGER NOT NULL,
    superseded    INTEGER NOT NULL DEFAULT 0, -- 0: live
    superseded_by TEXT    NOT NULL DEFAULT '',
    importance    REAL    NOT NULL,
    confidence    REAL    NOT NULL,
    surprise      REAL    NOT NULL,
    shown         INTEGER NOT NULL DEFAULT 0,
    last_shown    INTEGER NOT NULL DEFAULT 0,
    used          INTEGER NOT NULL DEFAULT 0,
    last_used     INTEGER NOT NULL DEFAULT 0,
    meta          TEXT,                       -- JSON object
    derived_from  TEXT,                       -- JSON array
    quotes        TEXT,                       -- JSON array
    digest        BLOB    NOT NULL,           -- all that opening needs, with the analysed text: see digest.go
    text          TEXT    NOT NULL,
    owner         INTEGER NOT NULL DEFAULT 0,
    sum           INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX records_key ON records (scope, key) WHERE key IS NOT NULL;
CREATE INDEX records_scope ON records (scope);
CREATE INDEX records_superseded_by ON records (superseded_by) WHERE superseded_by <> '';
CREATE INDEX records_owner ON records (owner);
CREATE INDEX records_changed ON records (owner, seq);
CREATE INDEX records_summaries ON records (owner) WHERE kind = 'summary' AND origin = 'reconstructed';

-- Little-endian float32.
CREATE TABLE vectors (
    row   INTEGER PRIMARY KEY REFERENCES records (row),
    scope INTEGER NOT NULL,
    data  BLOB    NOT NULL,
    sum   INTEGER NOT NULL DEFAULT 0
) STRICT;

-- New vectors while the store is re-embedded.
CREATE TABLE revectors (
    row  INTEGER PRIMARY KEY REFERENCES records (row),
    data BLOB    NOT NULL
) STRICT;

-- What a derived record rests on: derived_from and the sources of its quotes.
CREATE TABLE sources (
    source     TEXT    NOT NULL,
    row        INTEGER NOT NULL REFERENCES records (row),
    source_row INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (source, row)
) STRICT, WITHOUT ROWID;
CREATE INDEX sources_row ON sources (row, source_row);

-- What happened to a record after it was written.
CREATE TABLE events (
    event INTEGER PRIMARY KEY AUTOINCREMENT,
    row   INTEGER NOT NULL REFERENCES records (row),
    at    INTEGER NOT NULL,
    what  TEXT    NOT NULL, -- superseded, revived
    by    TEXT    NOT NULL, -- the record that took its place, or gave it back
    sum   INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX events_row ON events (row);
CREATE INDEX events_by ON events (by);

-- Records deleted for privacy: numbers and hashes only, so that readers forget them too and no snapshot or import brings them back.
CREATE TABLE tombstones (
    id  TEXT    PRIMARY KEY,
    row INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    key BLOB    NOT NULL DEFAULT x'', -- hash of the key that the record had
    sum INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX tombstones_seq ON tombstones (seq);
CREATE INDEX tombstones_key ON tombstones (key) WHERE key <> x'';

-- Deletions for privacy that are not carried out in every copy yet, as JSON.
CREATE TABLE deletions (
    deletion INTEGER PRIMARY KEY AUTOINCREMENT,
    at       INTEGER NOT NULL,
    what     TEXT    NOT NULL
) STRICT;

-- Copies that were written elsewhere than beside the store.
CREATE TABLE copies (
    path TEXT    PRIMARY KEY,
    at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Rows that an import has written that has not come to its end, by slice.
CREATE TABLE imports (
    import INTEGER NOT NULL,
    first  INTEGER NOT NULL,
    last   INTEGER NOT NULL
) STRICT;
