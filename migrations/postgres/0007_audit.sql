-- The audit log: one tenant's events by what they concern, newest first from any place. Every index ends with the number
-- among the tenant's events, so that a page begins where the one before ended, however far that is.
--
-- The events of a job are found by their stream.

create index events_store_id_tenant_seq_idx on events (store_id, tenant_seq) where store_id is not null;
create index events_tenant_id_order_id_tenant_seq_idx on events (tenant_id, order_id, tenant_seq)
    where order_id is not null;
create index events_tenant_id_type_tenant_seq_idx on events (tenant_id, type, tenant_seq);

-- Who asked. By pattern and not as JSON: the log keeps whatever text somebody with rights on the database puts there.
create index events_tenant_id_key_tenant_seq_idx
    on events (tenant_id, (substring(meta from '"key_id":"([^"]+)"')), tenant_seq)
    where substring(meta from '"key_id":"([^"]+)"') is not null;
create index events_tenant_id_address_tenant_seq_idx
    on events (tenant_id, (substring(meta from '"client_ip":"([^"]+)"')), tenant_seq)
    where substring(meta from '"client_ip":"([^"]+)"') is not null;
