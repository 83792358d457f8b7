-- Appending, in one round trip: `select * from append_batch(groups)`.
--
-- A group is a run of appends none of which can change what another one's conditions see, so that they can be tested
-- and written set by set; the program makes the groups. A later group sees what an earlier one wrote. Appends are
-- numbered from 1 within their group; `event` counts from 1 within its append.

create type append_in as (now timestamptz, events integer, meta text, guards integer[]);
create type guard_in as (kind text, id uuid, partition integer, epoch bigint);
create type event_in as (
    append integer, event bigint, stream text, ahead integer, expected bigint, type text,
    tenant_id uuid, store_id uuid, order_id text, job_id uuid, data text, sealed bytea
);
create type tenant_in as (append integer, id uuid, created_at timestamptz, deleted_at timestamptz, doc text);
create type key_in as (append integer, id uuid, tenant_id uuid, created_at timestamptz, lookup text, doc text);
create type store_in as (
    append integer, event bigint, id uuid, tenant_id uuid, store_id text, label text, partition integer,
    created_at timestamptz, deleted_at timestamptz, doc text, credentials bytea
);
create type job_in as (
    append integer, first_event bigint, last_event bigint, id uuid, tenant_id uuid, store_id uuid,
    partition integer, position bigint, submitted_at timestamptz, due_at timestamptz, kind text, status text,
    order_id text, lane text, doc text, body bytea, outcome bytea
);
create type batch_in as (
    append integer, event bigint, id uuid, store_id uuid, partition integer, doc text, plan bytea
);
create type closed_batch_in as (append integer, id uuid);
create type image_in as (append integer, event bigint, store_id uuid, order_id text, doc text, image bytea);
create type no_image_in as (append integer, store_id uuid, order_id text);
create type destroy_in as (append integer, credentials_of uuid, order_store uuid, order_id text, id uuid);
create type data_key_in as (
    append integer, id uuid, tenant_id uuid, store_id uuid, credentials boolean, order_id text, wrapped bytea,
    created_at timestamptz
);
create type bind_in as (append integer, id uuid, order_id text);
create type idempotency_in as (
    append integer, now timestamptz, tenant_id uuid, key text, fingerprint bytea, job uuid, jobs uuid[],
    status integer, body bytea, expires_at timestamptz
);
create type group_in as (
    appends append_in[], guards guard_in[], events event_in[], tenants tenant_in[], keys key_in[], stores store_in[],
    jobs job_in[], batches batch_in[], closed_batches closed_batch_in[], images image_in[], no_images no_image_in[],
    destroys destroy_in[], data_keys data_key_in[], binds bind_in[], idempotency idempotency_in[]
);

-- Answers one row per append, in order: its first and last position and its time, or why it was refused.
--
-- VOLATILE, so that every statement has a snapshot of its own: those after the lock see all that was committed before
-- the lock was granted. In one single statement they would see what was there before the wait, and a deposed owner
-- could write. The lookups are scalar subqueries with generic plans, sequential scans off: never a plan
-- that was made while a table was small and scans it when it has grown.
create function append_batch(groups group_in[])
    returns table (first bigint, last bigint, recorded_at timestamptz, refusal text, detail text)
    language plpgsql volatile
    set plan_cache_mode = force_generic_plan
    set enable_seqscan = off
    set jit = off
as $$
#variable_conflict use_column
declare
    head_position bigint;
    head_at       timestamptz;
    g             group_in;
    failed        integer[];
    clash         boolean;
    bases         bigint[];
    starts        bigint[];
    times         timestamptz[];
    refusals      text[];
    details       text[];
    added         bigint;
    latest        timestamptz;
    bad           record;
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'append_batch needs read committed' using errcode = 'invalid_transaction_state';
    end if;
    if current_setting('synchronous_commit') = 'off' then
        perform set_config('synchronous_commit', 'on', true);
    end if;

    select h.position, h.recorded_at into strict head_position, head_at from ledger_head h where h.id for update;

    foreach g in array groups loop
        refusals := null;
        details := null;

        -- Guards, each tested once for all appends of the group that name it.
        select array_agg(t.n) into failed
        from (
            select x.ordinality::integer as n,
                coalesce(case x.kind
                    when 'owner' then (select true from partitions p
                        where p.partition = x.partition and p.owner = x.id and p.epoch = x.epoch limit 1)
                    when 'store' then (select true from stores s where s.id = x.id and s.deleted_at is null limit 1)
                    when 'tenant' then (select true from tenants s where s.id = x.id and s.deleted_at is null limit 1)
                    when 'data_key' then (select true from data_keys k where k.id = x.id limit 1)
                end, false) as holds
            from unnest(g.guards) with ordinality x
            offset 0
        ) t
        where not t.holds;
        if failed is not null then
            for bad in
                select distinct on (a.ordinality) a.ordinality::integer as append, x.kind, x.partition
                from unnest(g.appends) with ordinality a
                cross join lateral unnest(a.guards) with ordinality u (guard, n)
                join unnest(g.guards) with ordinality x on x.ordinality = u.guard
                where u.guard = any (failed)
                order by a.ordinality, u.n
            loop
                refusals[bad.append] := bad.kind;
                details[bad.append] := bad.partition::text;
            end loop;
        end if;

        -- Versions: the one before the append's first event of each event's stream.
        select array_agg(t.base order by t.n), coalesce(bool_or(t.expected <> t.base + t.ahead), false)
        into bases, clash
        from (
            select e.ordinality as n, e.expected, e.ahead,
                coalesce((select v.version from events v where v.stream = e.stream
                    order by v.version desc limit 1), 0) as base
            from unnest(g.events) with ordinality e
            offset 0
        ) t;
        if clash then
            for bad in
                select distinct on (e.append) e.append, e.stream
                from unnest(g.events) with ordinality e
                where e.expected <> bases[e.ordinality::integer] + e.ahead
                order by e.append, e.ordinality
            loop
                if refusals[bad.append] is null then
                    refusals[bad.append] := 'conflict';
                    details[bad.append] := bad.stream;
                end if;
            end loop;
        end if;

        -- What must be unique.
        if cardinality(g.stores) > 0 then
            for bad in
                select x.append from unnest(g.stores) x
                where x.deleted_at is null
                    and (select true from stores s where s.tenant_id = x.tenant_id and s.store_id = x.store_id
                        and s.deleted_at is null and s.id <> x.id limit 1)
            loop
                if refusals[bad.append] is null then
                    refusals[bad.append] := 'store_exists';
                end if;
            end loop;
        end if;
        if cardinality(g.keys) > 0 then
            for bad in
                select x.append from unnest(g.keys) x
                where (select true from tenant_keys k where k.lookup = x.lookup and k.id <> x.id limit 1)
            loop
                if refusals[bad.append] is null then
                    refusals[bad.append] := 'key_exists';
                end if;
            end loop;
        end if;
        if cardinality(g.idempotency) > 0 then
            for bad in
                select x.append, x.key from unnest(g.idempotency) x
                where (select true from idempotency i where i.tenant_id = x.tenant_id and i.key = x.key
                    and i.expires_at > x.now limit 1)
            loop
                if refusals[bad.append] is null then
                    refusals[bad.append] := 'idempotency_exists';
                    details[bad.append] := bad.key;
                end if;
            end loop;
        end if;

        -- Numbers for the survivors: the position before each one's first event, -1 for the refused.
        select array_agg(t.start order by t.n), array_agg(t.at order by t.n), coalesce(sum(t.events), 0),
            max(t.at) filter (where t.events > 0)
        into starts, times, added, latest
        from (
            select a.n, a.events,
                case when a.alive then head_position + coalesce(sum(a.events)
                    over (order by a.n rows between unbounded preceding and 1 preceding), 0)
                else -1 end as start,
                greatest(a.now, head_at, max(case when a.events > 0 then a.now end)
                    over (order by a.n rows unbounded preceding)) as at
            from (
                select x.ordinality as n, x.now, refusals[x.ordinality::integer] is null as alive,
                    case when refusals[x.ordinality::integer] is null then x.events else 0 end as events
                from unnest(g.appends) with ordinality x
            ) a
        ) t;

        if added > 0 then
            with counted as (
                select e.tenant_id, count(*) as n from unnest(g.events) e
                where starts[e.append] >= 0 group by e.tenant_id
            ), moved as (
                insert into tenant_heads as h (tenant_id, seq)
                select c.tenant_id, c.n from counted c
                on conflict (tenant_id) do update set seq = h.seq + excluded.seq
                returning h.tenant_id, h.seq
            )
            insert into events (position, tenant_seq, version, recorded_at, tenant_id, store_id, job_id, stream, type,
                order_id, data, meta, sealed)
            select starts[e.append] + e.event,
                m.seq + 1 - row_number() over (partition by e.tenant_id order by e.ordinality desc),
                bases[e.ordinality::integer] + e.ahead + 1,
                times[e.append], e.tenant_id, e.store_id, e.job_id, e.stream, e.type, e.order_id, e.data,
                a.meta, e.sealed
            from unnest(g.events) with ordinality e
            join unnest(g.appends) with ordinality a on a.ordinality = e.append
            join moved m on m.tenant_id = e.tenant_id
            where starts[e.append] >= 0;
        end if;

        if cardinality(g.tenants) > 0 then
            insert into tenants (id, created_at, deleted_at, doc)
            select x.id, x.created_at, x.deleted_at, x.doc from unnest(g.tenants) x where starts[x.append] >= 0
            on conflict (id) do update set created_at = excluded.created_at, deleted_at = excluded.deleted_at,
                doc = excluded.doc;
        end if;
        if cardinality(g.keys) > 0 then
            insert into tenant_keys (id, tenant_id, created_at, lookup, doc)
            select x.id, x.tenant_id, x.created_at, x.lookup, x.doc from unnest(g.keys) x where starts[x.append] >= 0
            on conflict (id) do update set tenant_id = excluded.tenant_id, created_at = excluded.created_at,
                lookup = excluded.lookup, doc = excluded.doc;
        end if;
        if cardinality(g.stores) > 0 then
            insert into stores (id, tenant_id, store_id, label, partition, created_at, deleted_at, last_position, doc,
                credentials)
            select x.id, x.tenant_id, x.store_id, x.label, x.partition, x.created_at, x.deleted_at,
                starts[x.append] + x.event, x.doc, x.credentials
            from unnest(g.stores) x where starts[x.append] >= 0
            on conflict (id) do update set tenant_id = excluded.tenant_id, store_id = excluded.store_id,
                label = excluded.label, partition = excluded.partition, created_at = excluded.created_at,
                deleted_at = excluded.deleted_at, last_position = excluded.last_position, doc = excluded.doc,
                credentials = excluded.credentials;
        end if;
        if cardinality(g.jobs) > 0 then
            insert into jobs as j (id, tenant_id, store_id, partition, position, last_position, submitted_at, due_at,
                kind, status, order_id, lane, doc, body, outcome)
            select x.id, x.tenant_id, x.store_id, x.partition,
                coalesce(x.position, starts[x.append] + x.first_event), starts[x.append] + x.last_event,
                x.submitted_at, x.due_at, x.kind, x.status, x.order_id, x.lane, x.doc, x.body, x.outcome
            from unnest(g.jobs) x where starts[x.append] >= 0
            -- A job's position is that of its submission for ever.
            on conflict (id) do update set tenant_id = excluded.tenant_id, store_id = excluded.store_id,
                partition = excluded.partition, last_position = excluded.last_position,
                submitted_at = excluded.submitted_at, due_at = excluded.due_at, kind = excluded.kind,
                status = excluded.status, order_id = excluded.order_id, lane = excluded.lane, doc = excluded.doc,
                body = excluded.body, outcome = excluded.outcome;
        end if;
        if cardinality(g.batches) > 0 then
            insert into open_batches (id, store_id, partition, position, doc, plan)
            select x.id, x.store_id, x.partition, starts[x.append] + x.event, x.doc, x.plan
            from unnest(g.batches) x where starts[x.append] >= 0
            on conflict (id) do update set store_id = excluded.store_id, partition = excluded.partition,
                position = excluded.position, doc = excluded.doc, plan = excluded.plan;
        end if;
        if cardinality(g.closed_batches) > 0 then
            delete from open_batches b using unnest(g.closed_batches) x where b.id = x.id and starts[x.append] >= 0;
        end if;
        if cardinality(g.images) > 0 then
            insert into order_images (store_id, order_id, position, doc, image)
            select x.store_id, x.order_id, starts[x.append] + x.event, x.doc, x.image
            from unnest(g.images) x where starts[x.append] >= 0
            on conflict (store_id, order_id) do update set position = excluded.position, doc = excluded.doc,
                image = excluded.image;
        end if;
        if cardinality(g.no_images) > 0 then
            delete from order_images i using unnest(g.no_images) x
            where i.store_id = x.store_id and i.order_id = x.order_id and starts[x.append] >= 0;
        end if;

        -- Old keys go before new ones come, so that one append can replace a store's.
        if cardinality(g.destroys) > 0 then
            delete from data_keys k using unnest(g.destroys) x
            where starts[x.append] >= 0 and (
                k.id = x.id
                or (k.store_id = x.credentials_of and k.credentials)
                or (k.store_id = x.order_store and k.order_id = x.order_id and not k.credentials)
            );
        end if;
        if cardinality(g.data_keys) > 0 then
            insert into data_keys (id, tenant_id, store_id, credentials, order_id, wrapped, created_at)
            select x.id, x.tenant_id, x.store_id, x.credentials, x.order_id, x.wrapped, x.created_at
            from unnest(g.data_keys) x where starts[x.append] >= 0;
        end if;
        if cardinality(g.binds) > 0 then
            update data_keys k set order_id = x.order_id
            from unnest(g.binds) x where k.id = x.id and starts[x.append] >= 0;
        end if;
        if cardinality(g.idempotency) > 0 then
            insert into idempotency (tenant_id, key, fingerprint, job, jobs, status, body, expires_at)
            select x.tenant_id, x.key, x.fingerprint, x.job, x.jobs, x.status, x.body, x.expires_at
            from unnest(g.idempotency) x where starts[x.append] >= 0
            -- Only a dead one can be there.
            on conflict (tenant_id, key) do update set fingerprint = excluded.fingerprint, job = excluded.job,
                jobs = excluded.jobs, status = excluded.status, body = excluded.body, expires_at = excluded.expires_at;
        end if;

        return query
        select case when a.events > 0 then starts[a.n] + 1 else starts[a.n] end, starts[a.n] + a.events, times[a.n],
            refusals[a.n], details[a.n]
        from (select x.ordinality::integer as n, x.events from unnest(g.appends) with ordinality x) a
        order by a.n;

        head_position := head_position + added;
        head_at := greatest(head_at, latest);
    end loop;

    update ledger_head set position = head_position, recorded_at = head_at
    where id and position < head_position;
end
$$;
