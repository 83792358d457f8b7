-- The ledger: the log, its heads, the views that are folded from it, and what is neither.
--
-- Times are text in RFC 3339, UTC, milliseconds: they sort as they stand. Ids are text. Columns beside `doc`
-- are what queries need; `doc` is the whole row as JSON; ciphertext is kept as bytes.

-- The log. Insert-only.
CREATE TABLE events (
    position    INTEGER PRIMARY KEY,
    tenant_seq  INTEGER NOT NULL,
    stream      TEXT NOT NULL,
    version     INTEGER NOT NULL,
    type        TEXT NOT NULL,
    tenant_id   TEXT NOT NULL,
    store_id    TEXT,
    order_id    TEXT,
    job_id      TEXT,
    data        TEXT NOT NULL,
    sealed      BLOB,
    meta        TEXT NOT NULL,
    recorded_at TEXT NOT NULL,
    UNIQUE (stream, version)
);
CREATE UNIQUE INDEX events_of_tenant ON events (tenant_id, tenant_seq);
CREATE INDEX events_of_jobs ON events (tenant_id, position) WHERE type >= 'job.' AND type < 'job/';

CREATE TRIGGER events_are_never_updated BEFORE UPDATE ON events
BEGIN
    SELECT RAISE(ABORT, 'events are insert-only');
END;
CREATE TRIGGER events_are_never_deleted BEFORE DELETE ON events
BEGIN
    SELECT RAISE(ABORT, 'events are insert-only');
END;

-- Where the log ends: one row.
CREATE TABLE ledger_head (
    one         INTEGER PRIMARY KEY CHECK (one = 1),
    position    INTEGER NOT NULL,
    recorded_at TEXT NOT NULL
);
INSERT INTO ledger_head VALUES (1, 0, '1970-01-01T00:00:00.000Z');

-- Where each tenant's numbers end.
CREATE TABLE tenant_heads (
    tenant_id TEXT PRIMARY KEY,
    seq       INTEGER NOT NULL
) WITHOUT ROWID;

-- Views. `rebuild` makes each anew from its text here, so keep one statement per table.
CREATE TABLE tenants (
    id         TEXT PRIMARY KEY NOT NULL,
    label      TEXT,
    created_at TEXT NOT NULL,
    deleted_at TEXT,
    doc        TEXT NOT NULL
);

CREATE TABLE tenant_keys (
    id         TEXT PRIMARY KEY NOT NULL,
    tenant_id  TEXT NOT NULL,
    lookup     TEXT NOT NULL UNIQUE,
    created_at TEXT NOT NULL,
    doc        TEXT NOT NULL
);
CREATE INDEX keys_of_tenant ON tenant_keys (tenant_id);

CREATE TABLE stores (
    id            TEXT PRIMARY KEY NOT NULL,
    tenant_id     TEXT NOT NULL,
    store_id      TEXT NOT NULL,
    label         TEXT,
    partition     INTEGER NOT NULL,
    created_at    TEXT NOT NULL,
    deleted_at    TEXT,
    last_position INTEGER NOT NULL,
    doc           TEXT NOT NULL,
    credentials   BLOB
);
CREATE UNIQUE INDEX stores_living ON stores (tenant_id, store_id) WHERE deleted_at IS NULL;
CREATE INDEX stores_changed ON stores (last_position, partition);

CREATE TABLE jobs (
    position      INTEGER PRIMARY KEY,
    id            TEXT NOT NULL UNIQUE,
    tenant_id     TEXT NOT NULL,
    store_id      TEXT NOT NULL,
    partition     INTEGER NOT NULL,
    order_id      TEXT,
    lane          TEXT NOT NULL,
    kind          TEXT NOT NULL,
    status        TEXT NOT NULL,
    open          INTEGER NOT NULL,
    submitted_at  TEXT NOT NULL,
    due_at        TEXT NOT NULL,
    last_position INTEGER NOT NULL,
    doc           TEXT NOT NULL,
    body          BLOB,
    outcome       BLOB
);
CREATE INDEX jobs_changed ON jobs (last_position, partition);
CREATE INDEX jobs_of_tenant ON jobs (tenant_id, position);
CREATE INDEX jobs_of_order ON jobs (store_id, order_id, position) WHERE order_id IS NOT NULL;
CREATE INDEX jobs_open ON jobs (partition, position) WHERE open = 1;
CREATE INDEX jobs_waiting ON jobs (store_id, lane, due_at, position, status) WHERE open = 1;

CREATE TABLE open_batches (
    id        TEXT PRIMARY KEY NOT NULL,
    partition INTEGER NOT NULL,
    position  INTEGER NOT NULL,
    doc       TEXT NOT NULL,
    plan      BLOB
);
CREATE INDEX batches_of_partition ON open_batches (partition, position);

CREATE TABLE order_images (
    store_id  TEXT NOT NULL,
    order_id  TEXT NOT NULL,
    tenant_id TEXT NOT NULL,
    position  INTEGER NOT NULL,
    doc       TEXT NOT NULL,
    image     BLOB,
    PRIMARY KEY (store_id, order_id)
);

-- Neither events nor views: they must be able to vanish, or do not concern the past.
CREATE TABLE data_keys (
    id          TEXT PRIMARY KEY NOT NULL,
    tenant_id   TEXT NOT NULL,
    store_id    TEXT,
    credentials INTEGER NOT NULL,
    order_id    TEXT,
    wrapped     BLOB NOT NULL,
    created_at  TEXT NOT NULL
);
CREATE INDEX data_keys_of_order ON data_keys (store_id, order_id);

CREATE TABLE idempotency (
    tenant_id   TEXT NOT NULL,
    key         TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    jobs        TEXT,
    status      INTEGER,
    body        BLOB,
    expires_at  TEXT NOT NULL,
    PRIMARY KEY (tenant_id, key)
) WITHOUT ROWID;
CREATE INDEX idempotency_dead ON idempotency (expires_at);

CREATE TABLE settings (
    name  TEXT PRIMARY KEY NOT NULL,
    value BLOB NOT NULL
);

-- Times here are milliseconds since 1970, by the clock of the machine.
CREATE TABLE workers (
    incarnation TEXT PRIMARY KEY NOT NULL,
    expires_at  INTEGER NOT NULL,
    draining    INTEGER NOT NULL
);

CREATE TABLE partitions (
    partition   INTEGER PRIMARY KEY,
    owner       TEXT,
    epoch       INTEGER NOT NULL DEFAULT 0,
    released_at INTEGER
);
