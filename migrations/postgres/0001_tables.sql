-- The ledger on PostgreSQL: the log, its head, the views, and what stands beside them.
--
-- Indexes and constraints carry the names that PostgreSQL itself would choose: `rebuild` makes the view tables anew
-- with `like … including all` in a schema of its own, and the names must come out the same.
-- Nothing here has foreign keys: views are folds of the log, and the log knows no deletion.

-- The log. Positions are given by append_batch under the lock of ledger_head, never by a sequence.
create table events (
    position    bigint      not null,
    tenant_seq  bigint      not null,
    version     bigint      not null,
    recorded_at timestamptz not null,
    tenant_id   uuid        not null,
    store_id    uuid,
    job_id      uuid,
    stream      text        not null,
    type        text        not null,
    order_id    text,
    -- Text and not jsonb: the bytes are kept as they were written.
    data        text        not null,
    meta        text        not null,
    sealed      bytea,
    constraint events_pkey primary key (position),
    constraint events_stream_version_key unique (stream, version),
    constraint events_tenant_id_tenant_seq_key unique (tenant_id, tenant_seq),
    constraint events_numbers_check check (position > 0 and tenant_seq > 0 and version > 0)
);
create index events_tenant_id_position_idx on events (tenant_id, position) where job_id is not null;
create index events_job_id_position_idx on events (job_id, position) where job_id is not null;

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'table % is insert-only', tg_table_name using errcode = 'restrict_violation';
end
$$;
create trigger events_insert_only before update or delete or truncate on events
    for each statement execute function refuse_change();

-- Where the log ends; the lock on its one row puts all appends and all changes of ownership in one order.
create table ledger_head (
    id          boolean     not null default true,
    position    bigint      not null,
    recorded_at timestamptz not null,
    constraint ledger_head_pkey primary key (id),
    constraint ledger_head_id_check check (id)
) with (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
insert into ledger_head (position, recorded_at) values (0, 'epoch');

-- Where each tenant's own numbering stands.
create table tenant_heads (
    tenant_id uuid   not null,
    seq       bigint not null,
    constraint tenant_heads_pkey primary key (tenant_id)
) with (fillfactor = 50);

-- Views: `doc` is the whole row as JSON without positions and ciphertext; the other columns are for queries.
create table tenants (
    id         uuid        not null,
    created_at timestamptz not null,
    deleted_at timestamptz,
    doc        text        not null,
    constraint tenants_pkey primary key (id)
);

create table tenant_keys (
    id         uuid        not null,
    tenant_id  uuid        not null,
    created_at timestamptz not null,
    lookup     text        not null,
    doc        text        not null,
    constraint tenant_keys_pkey primary key (id),
    constraint tenant_keys_lookup_key unique (lookup)
);
create index tenant_keys_tenant_id_idx on tenant_keys (tenant_id);

create table stores (
    id            uuid        not null,
    tenant_id     uuid        not null,
    store_id      text        not null,
    label         text,
    partition     integer     not null,
    created_at    timestamptz not null,
    deleted_at    timestamptz,
    last_position bigint      not null,
    doc           text        not null,
    credentials   bytea,
    constraint stores_pkey primary key (id)
);
create unique index stores_tenant_id_store_id_idx on stores (tenant_id, store_id) where deleted_at is null;
create index stores_tenant_id_idx on stores (tenant_id);
create index stores_partition_last_position_idx on stores (partition, last_position);

create table jobs (
    id            uuid        not null,
    tenant_id     uuid        not null,
    store_id      uuid        not null,
    partition     integer     not null,
    position      bigint      not null,
    last_position bigint      not null,
    submitted_at  timestamptz not null,
    due_at        timestamptz not null,
    kind          text        not null,
    status        text        not null,
    order_id      text,
    lane          text        not null,
    doc           text        not null,
    body          bytea,
    outcome       bytea,
    constraint jobs_pkey primary key (id)
);
create index jobs_partition_last_position_idx on jobs (partition, last_position);
create index jobs_tenant_id_position_idx on jobs (tenant_id, position);
create index jobs_store_id_order_id_position_idx on jobs (store_id, order_id, position);
create index jobs_partition_position_idx on jobs (partition, position)
    where status in ('queued', 'running', 'retrying');
create index jobs_store_id_lane_due_at_position_idx on jobs (store_id, lane, due_at, position)
    where status in ('queued', 'running', 'retrying');

create table open_batches (
    id        uuid    not null,
    store_id  uuid    not null,
    partition integer not null,
    position  bigint  not null,
    doc       text    not null,
    plan      bytea,
    constraint open_batches_pkey primary key (id)
);
create index open_batches_partition_position_idx on open_batches (partition, position);

create table order_images (
    store_id uuid   not null,
    order_id text   not null,
    position bigint not null,
    doc      text   not null,
    image    bytea,
    constraint order_images_pkey primary key (store_id, order_id)
);

-- Neither views nor events.
create table data_keys (
    id          uuid        not null,
    tenant_id   uuid        not null,
    store_id    uuid,
    credentials boolean     not null,
    order_id    text,
    wrapped     bytea       not null,
    created_at  timestamptz not null,
    constraint data_keys_pkey primary key (id)
);
create index data_keys_store_id_order_id_idx on data_keys (store_id, order_id);

create table idempotency (
    tenant_id   uuid        not null,
    key         text        not null,
    fingerprint bytea       not null,
    -- A job, several jobs, or a stored response: exactly one of them.
    job         uuid,
    jobs        uuid[],
    status      integer,
    body        bytea,
    expires_at  timestamptz not null,
    constraint idempotency_pkey primary key (tenant_id, key),
    constraint idempotency_answer_check check (num_nonnulls(job, jobs, body) = 1 and (body is null) = (status is null))
);
create index idempotency_expires_at_idx on idempotency (expires_at);

create table settings (
    name  text  not null,
    value bytea not null,
    constraint settings_pkey primary key (name)
);

-- One heartbeat per incarnation of a worker, by this database's clock.
create table workers (
    incarnation uuid        not null,
    expires_at  timestamptz not null,
    draining    boolean     not null,
    constraint workers_pkey primary key (incarnation)
) with (fillfactor = 50);

create table partitions (
    partition  integer     not null,
    epoch      bigint      not null default 0,
    owner      uuid,
    -- When the last owner gave it back.
    idle_since timestamptz,
    constraint partitions_pkey primary key (partition)
) with (fillfactor = 50);
