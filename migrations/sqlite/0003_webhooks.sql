-- Webhooks: who is told, how far the log has been told, what is yet to be told, and how telling went.

-- A view; `sealed` holds address and secrets.
CREATE TABLE webhook_endpoints (
    id            TEXT PRIMARY KEY NOT NULL,
    tenant_id     TEXT NOT NULL,
    deleted_at    TEXT,
    position      INTEGER NOT NULL,
    last_position INTEGER NOT NULL,
    doc           TEXT NOT NULL,
    sealed        BLOB
);
CREATE INDEX endpoints_of_tenant ON webhook_endpoints (tenant_id, position) WHERE deleted_at IS NULL;

-- Neither events nor views from here on.

-- How far the log has been fanned out, and by whom: one row. What was recorded before there were webhooks concerns none.
CREATE TABLE webhook_fan_out (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    position INTEGER NOT NULL,
    worker   TEXT,
    until    TEXT
);
INSERT INTO webhook_fan_out (one, position) SELECT 1, position FROM ledger_head;

-- One event for one receiver: an endpoint, or the address that the job itself named. While somebody has claimed it,
-- `due_at` is when the claim runs out.
CREATE TABLE webhook_deliveries (
    id          TEXT PRIMARY KEY NOT NULL,
    tenant_id   TEXT NOT NULL,
    endpoint_id TEXT,
    lane        TEXT NOT NULL,
    position    INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    recorded_at TEXT NOT NULL,
    store_id    TEXT,
    order_id    TEXT,
    job_id      TEXT,
    state       TEXT NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    tries       INTEGER NOT NULL DEFAULT 0,
    due_at      TEXT NOT NULL,
    claimed_by  TEXT,
    ended_at    TEXT,
    CHECK (endpoint_id IS NOT NULL OR job_id IS NOT NULL)
);
CREATE INDEX deliveries_due ON webhook_deliveries (lane, due_at, position) WHERE state = 'pending';
CREATE INDEX deliveries_claimed ON webhook_deliveries (lane, due_at) WHERE claimed_by IS NOT NULL;
CREATE INDEX deliveries_of_endpoint ON webhook_deliveries (endpoint_id, position) WHERE endpoint_id IS NOT NULL;
CREATE INDEX deliveries_of_order ON webhook_deliveries (store_id, order_id) WHERE order_id IS NOT NULL;
CREATE INDEX deliveries_of_tenant ON webhook_deliveries (tenant_id);
CREATE INDEX deliveries_ended ON webhook_deliveries (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE webhook_attempts (
    delivery_id TEXT NOT NULL REFERENCES webhook_deliveries (id) ON DELETE CASCADE,
    number      INTEGER NOT NULL,
    at          TEXT NOT NULL,
    latency_ms  INTEGER NOT NULL,
    status      INTEGER,
    error       TEXT,
    answer      BLOB,
    PRIMARY KEY (delivery_id, number)
);

CREATE TABLE webhook_health (
    endpoint_id     TEXT PRIMARY KEY NOT NULL,
    failing_since   TEXT,
    last_success_at TEXT,
    last_failure_at TEXT
) WITHOUT ROWID;
