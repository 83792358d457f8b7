-- What a tenant's succeeded jobs took of Order Desk's limit and what travelling together saved, in millionths of a request,
-- up to one number among the tenant's events. Neither event nor view: what is missing is added up from the log.
create table tenant_tokens (
    tenant_id  uuid primary key,
    tenant_seq bigint not null,
    spent      bigint not null,
    saved      bigint not null
);
