-- The audit log: one tenant's events by what they concern, newest first from any place. Every index ends with the number
-- among the tenant's events, so that a page begins where the one before ended, however far that is.
--
-- The events of a job are found by their stream.

CREATE INDEX events_of_store ON events (store_id, tenant_seq) WHERE store_id IS NOT NULL;
CREATE INDEX events_of_order ON events (tenant_id, order_id, tenant_seq) WHERE order_id IS NOT NULL;
CREATE INDEX events_of_type ON events (tenant_id, type, tenant_seq);

-- Who asked. What is no JSON has nobody: the log keeps whatever bytes somebody with rights on the database puts there.
CREATE INDEX events_of_key ON events (tenant_id, iif(json_valid(meta), meta ->> '$.key_id', NULL), tenant_seq)
    WHERE iif(json_valid(meta), meta ->> '$.key_id', NULL) IS NOT NULL;
CREATE INDEX events_of_address ON events (tenant_id, iif(json_valid(meta), meta ->> '$.client_ip', NULL), tenant_seq)
    WHERE iif(json_valid(meta), meta ->> '$.client_ip', NULL) IS NOT NULL;
