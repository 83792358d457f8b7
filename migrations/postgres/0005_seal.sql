-- The verifiable log: the tree over the events, beside them. All of it is insert-only and follows from the events.

-- Hashes of leaves, 32 bytes each, in runs as they were sealed.
create table seal_leaves (
    first  bigint not null,
    last   bigint not null,
    hashes bytea  not null,
    constraint seal_leaves_pkey primary key (first),
    constraint seal_leaves_check check (
        first > 0 and last >= first and last < first + 1024 and length(hashes) = 32 * (last - first + 1)
    )
);
-- Hashes do not compress.
alter table seal_leaves alter column hashes set storage external;
create trigger seal_leaves_insert_only before update or delete or truncate on seal_leaves
    for each statement execute function refuse_change();

-- Hashes of complete subtrees of 2^8 leaves and more.
create table seal_nodes (
    level smallint not null,
    idx   bigint   not null,
    hash  bytea    not null,
    constraint seal_nodes_pkey primary key (level, idx),
    constraint seal_nodes_check check (length(hash) = 32)
);
create trigger seal_nodes_insert_only before update or delete or truncate on seal_nodes
    for each statement execute function refuse_change();

-- Signed heads.
create table seal_heads (
    size       bigint      not null,
    generation integer     not null,
    signed_at  timestamptz not null,
    root       bytea       not null,
    note       text        not null,
    constraint seal_heads_pkey primary key (size, generation),
    constraint seal_heads_check check (length(root) = 32)
);
create trigger seal_heads_insert_only before update or delete or truncate on seal_heads
    for each statement execute function refuse_change();
