-- What a tenant's succeeded jobs took of Order Desk's limit and what travelling together saved, in millionths of a request,
-- up to one number among the tenant's events. Neither event nor view: what is missing is added up from the log.
CREATE TABLE tenant_tokens (
    tenant_id  TEXT PRIMARY KEY NOT NULL,
    tenant_seq INTEGER NOT NULL,
    spent      INTEGER NOT NULL,
    saved      INTEGER NOT NULL
) WITHOUT ROWID;
