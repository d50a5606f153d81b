-- What a copy of the store shares with it, and what it signs plans with.
ALTER TABLE store ADD COLUMN lineage TEXT NOT NULL DEFAULT '';
ALTER TABLE store ADD COLUMN secret  BLOB NOT NULL DEFAULT x'';
UPDATE store SET lineage = epoch, secret = randomblob(32);

-- The pairs of tenant and user: what no query crosses, and what is loaded together.
CREATE TABLE owners (
    owner  INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    user   TEXT NOT NULL,
    UNIQUE (tenant, user)
) STRICT;
INSERT INTO owners (tenant, user) SELECT DISTINCT tenant, user FROM scopes;
ALTER TABLE records ADD COLUMN owner INTEGER NOT NULL DEFAULT 0;
UPDATE records SET owner = (SELECT o.owner FROM owners o JOIN scopes c ON c.tenant = o.tenant AND c.user = o.user WHERE c.scope = records.scope);
DROP INDEX records_seq;
CREATE INDEX records_owner ON records (owner);
CREATE INDEX records_changed ON records (owner, seq);
CREATE INDEX records_summaries ON records (owner) WHERE kind = 'summary' AND origin = 'reconstructed';

ALTER TABLE sources ADD COLUMN source_row INTEGER NOT NULL DEFAULT 0;
UPDATE sources SET source_row = ifnull((SELECT r.row FROM records r WHERE r.id = source), 0);
DROP INDEX sources_row;
CREATE INDEX sources_row ON sources (row, source_row);

-- A summary stands for its turns and does not supersede them: what gave way to one, or to a fact made of it, is live again.
UPDATE records SET superseded = 0, superseded_by = '' WHERE superseded_by <> '' AND EXISTS (SELECT 1 FROM records s JOIN sources f ON f.row = s.row
    WHERE s.id = records.superseded_by AND f.source = records.id AND s.origin = 'reconstructed'
    AND (s.kind = 'summary' AND NOT (records.kind = 'summary' AND records.origin = 'reconstructed') OR s.kind = 'fact' AND records.kind = 'turn'));
DELETE FROM events WHERE EXISTS (SELECT 1 FROM records s JOIN sources f ON f.row = s.row JOIN records r ON r.row = events.row
    WHERE s.id = events.by AND f.source = r.id AND s.origin = 'reconstructed'
    AND (s.kind = 'summary' AND NOT (r.kind = 'summary' AND r.origin = 'reconstructed') OR s.kind = 'fact' AND r.kind = 'turn'));

-- Checksums: of a record with all its columns, of a vector, an event, a scope and a tombstone.
ALTER TABLE records ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE vectors ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE events ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE scopes ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tombstones ADD COLUMN key BLOB NOT NULL DEFAULT x''; -- hash of the key that a record had, so that an import does not bring it back
ALTER TABLE tombstones ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
CREATE INDEX tombstones_key ON tombstones (key) WHERE key <> x'';

-- Deletions for privacy that are not carried out in every copy yet: what is a JSON array of IDs and hashes of keys.
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
