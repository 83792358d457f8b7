-- Webhooks: who is told, how far the log has been told, what is yet to be told, and how telling went.

-- A view; `sealed` holds address and secrets.
create table webhook_endpoints (
    id            uuid   not null,
    tenant_id     uuid   not null,
    deleted_at    timestamptz,
    position      bigint not null,
    last_position bigint not null,
    doc           text   not null,
    sealed        bytea,
    constraint webhook_endpoints_pkey primary key (id)
);
create index webhook_endpoints_tenant_id_position_idx on webhook_endpoints (tenant_id, position)
    where deleted_at is null;

-- `append` counts over all appends of the batch; without a `position` it is that of `first_event`.
create type endpoint_in as (
    append integer, first_event bigint, last_event bigint, id uuid, tenant_id uuid, position bigint,
    deleted_at timestamptz, doc text, sealed bytea
);

-- As append_batch, for a batch with rows of webhook_endpoints: no condition looks at them, so they are written last, in
-- the same transaction and under the same lock.
create function append_with_endpoints(groups group_in[], endpoints endpoint_in[])
    returns table (first bigint, last bigint, recorded_at timestamptz, refusal text, detail text)
    language plpgsql volatile as $$
#variable_conflict use_column
declare
    landed record;
begin
    for landed in
        select a.* from append_batch(groups) with ordinality a (first, last, recorded_at, refusal, detail, n)
    loop
        if landed.refusal is null then
            insert into webhook_endpoints as e (id, tenant_id, deleted_at, position, last_position, doc, sealed)
            select x.id, x.tenant_id, x.deleted_at, coalesce(x.position, landed.first - 1 + x.first_event),
                landed.first - 1 + x.last_event, x.doc, x.sealed
            from unnest(endpoints) x where x.append = landed.n
            -- An endpoint's position is that of its beginning for ever.
            on conflict (id) do update set deleted_at = excluded.deleted_at, last_position = excluded.last_position,
                doc = excluded.doc, sealed = excluded.sealed;
        end if;
        first := landed.first;
        last := landed.last;
        recorded_at := landed.recorded_at;
        refusal := landed.refusal;
        detail := landed.detail;
        return next;
    end loop;
end
$$;

-- Neither events nor views from here on.

-- How far the log has been fanned out, and by whom: one row. What was recorded before there were webhooks concerns none.
create table webhook_fan_out (
    id       boolean not null default true,
    position bigint  not null,
    worker   uuid,
    until    timestamptz,
    constraint webhook_fan_out_pkey primary key (id),
    constraint webhook_fan_out_id_check check (id)
) with (fillfactor = 10);
insert into webhook_fan_out (position) select position from ledger_head;

-- One event for one receiver: an endpoint, or the address that the job itself named. While somebody has claimed it,
-- `due_at` is when the claim runs out.
create table webhook_deliveries (
    id          uuid        not null,
    tenant_id   uuid        not null,
    endpoint_id uuid,
    lane        uuid        not null,
    position    bigint      not null,
    recorded_at timestamptz not null,
    due_at      timestamptz not null,
    ended_at    timestamptz,
    claimed_by  uuid,
    store_id    uuid,
    job_id      uuid,
    attempts    integer     not null default 0,
    tries       integer     not null default 0,
    kind        text        not null,
    state       text        not null,
    order_id    text,
    constraint webhook_deliveries_pkey primary key (id),
    constraint webhook_deliveries_target_check check (endpoint_id is not null or job_id is not null)
) with (fillfactor = 70);
create index webhook_deliveries_due_idx on webhook_deliveries (lane, due_at, position) where state = 'pending';
create index webhook_deliveries_claimed_idx on webhook_deliveries (lane, due_at) where claimed_by is not null;
create index webhook_deliveries_endpoint_idx on webhook_deliveries (endpoint_id, position)
    where endpoint_id is not null;
create index webhook_deliveries_order_idx on webhook_deliveries (store_id, order_id) where order_id is not null;
create index webhook_deliveries_tenant_idx on webhook_deliveries (tenant_id);
create index webhook_deliveries_ended_idx on webhook_deliveries (ended_at) where ended_at is not null;

create table webhook_attempts (
    delivery_id uuid        not null,
    at          timestamptz not null,
    latency_ms  bigint      not null,
    number      integer     not null,
    status      integer,
    error       text,
    answer      bytea,
    constraint webhook_attempts_pkey primary key (delivery_id, number),
    constraint webhook_attempts_delivery_id_fkey foreign key (delivery_id) references webhook_deliveries (id)
        on delete cascade
);

create table webhook_health (
    endpoint_id     uuid not null,
    failing_since   timestamptz,
    last_success_at timestamptz,
    last_failure_at timestamptz,
    constraint webhook_health_pkey primary key (endpoint_id)
) with (fillfactor = 50);

-- Whoever changes deliveries does it alone: claims see how much of each lane is under way, and nobody waits for rows in
-- an order that another one contradicts. The log's lock is not needed for any of it.
create function lock_deliveries() returns void language plpgsql volatile as $$
begin
    perform pg_advisory_xact_lock(x'6f64672d686f6f6b'::bigint);
end
$$;

-- Goes from lane to lane by the index, whatever each holds; those that wait longest first.
create function claim_deliveries(me uuid, clock timestamptz, until timestamptz, per_lane integer, most integer)
    returns setof webhook_deliveries
    language plpgsql volatile
    set plan_cache_mode = force_generic_plan
    set enable_seqscan = off
    set jit = off
as $$
#variable_conflict use_column
declare
    taken integer := 0;
    room  integer;
    due   record;
begin
    perform lock_deliveries();
    for due in
        with recursive lanes as (
            (select d.lane from webhook_deliveries d where d.state = 'pending' order by d.lane limit 1)
            union all
            select (select d.lane from webhook_deliveries d where d.state = 'pending' and d.lane > l.lane
                order by d.lane limit 1)
            from lanes l where l.lane is not null
        )
        select l.lane, f.due_at
        from lanes l
        cross join lateral (select d.due_at from webhook_deliveries d where d.state = 'pending' and d.lane = l.lane
            order by d.due_at limit 1) f
        where f.due_at <= clock
        order by f.due_at
    loop
        exit when taken >= most;
        select least(per_lane - count(*), most - taken)::integer into room
        from webhook_deliveries d where d.claimed_by is not null and d.lane = due.lane and d.due_at > clock;
        continue when room <= 0;
        return query
        update webhook_deliveries w set claimed_by = me, due_at = until
        where w.id in (
            select d.id from webhook_deliveries d
            where d.state = 'pending' and d.lane = due.lane and d.due_at <= clock
            order by d.due_at, d.position limit room
        )
        returning w.*;
        get diagnostics room = row_count;
        taken := taken + room;
    end loop;
end
$$;

create type outcome_in as (
    id uuid, worker uuid, state text, retry_at timestamptz, now timestamptz, tried boolean, at timestamptz,
    latency_ms bigint, status integer, error text, answer bytea
);

-- Answers one row per outcome, in order.
create function record_attempts(outcomes outcome_in[])
    returns table (held boolean, failing_since timestamptz)
    language plpgsql volatile
    set enable_seqscan = off
as $$
#variable_conflict use_column
declare
    o    outcome_in;
    done record;
begin
    perform lock_deliveries();
    foreach o in array outcomes loop
        failing_since := null;
        update webhook_deliveries w set state = o.state, due_at = coalesce(o.retry_at, w.due_at), claimed_by = null,
            ended_at = case when o.retry_at is null then o.now end,
            attempts = w.attempts + o.tried::integer, tries = w.tries + o.tried::integer
        where w.id = o.id and w.claimed_by = o.worker and w.state = 'pending'
        returning w.endpoint_id, w.attempts into done;
        held := found;
        if held and o.tried then
            insert into webhook_attempts (delivery_id, number, at, latency_ms, status, error, answer)
            values (o.id, done.attempts, o.at, o.latency_ms, o.status, o.error, o.answer);
            if done.endpoint_id is not null and o.state = 'delivered' then
                insert into webhook_health as h (endpoint_id, last_success_at) values (done.endpoint_id, o.at)
                on conflict (endpoint_id) do update set failing_since = null,
                    last_success_at = excluded.last_success_at;
            elsif done.endpoint_id is not null and o.state <> 'skipped' then
                insert into webhook_health as h (endpoint_id, failing_since, last_failure_at)
                values (done.endpoint_id, o.at, o.at)
                on conflict (endpoint_id) do update set failing_since = coalesce(h.failing_since, excluded.failing_since),
                    last_failure_at = excluded.last_failure_at
                returning h.failing_since into failing_since;
            end if;
        end if;
        return next;
    end loop;
end
$$;

create function release_deliveries(me uuid, clock timestamptz) returns bigint language plpgsql volatile as $$
declare
    changed bigint;
begin
    perform lock_deliveries();
    update webhook_deliveries d set claimed_by = null, due_at = least(d.due_at, clock) where d.claimed_by = me;
    get diagnostics changed = row_count;
    return changed;
end
$$;

create function skip_deliveries(endpoint uuid, clock timestamptz, most integer) returns bigint
    language plpgsql volatile as $$
declare
    changed bigint;
begin
    perform lock_deliveries();
    update webhook_deliveries w set state = 'skipped', ended_at = clock, claimed_by = null
    where w.id in (
        select d.id from webhook_deliveries d
        where d.state = 'pending' and d.lane = endpoint and d.endpoint_id = endpoint
            and (d.claimed_by is null or d.due_at <= clock)
        limit most
    );
    get diagnostics changed = row_count;
    return changed;
end
$$;

create function redeliver(delivery uuid, clock timestamptz) returns boolean language plpgsql volatile as $$
begin
    perform lock_deliveries();
    update webhook_deliveries d set state = 'pending', tries = 0, due_at = clock, ended_at = null, claimed_by = null
    where d.id = delivery and (d.claimed_by is null or d.due_at <= clock);
    return found or exists (select from webhook_deliveries d where d.id = delivery);
end
$$;

create function replay_deliveries(
    endpoint uuid, clock timestamptz, beginning timestamptz, ending timestamptz, only_failed boolean, after bigint,
    most integer
) returns setof bigint language plpgsql volatile as $$
begin
    perform lock_deliveries();
    return query
    update webhook_deliveries w set state = 'pending', tries = 0, due_at = clock, ended_at = null
    where w.id in (
        select d.id from webhook_deliveries d
        where d.endpoint_id = endpoint and d.position > after
            and d.recorded_at >= beginning and d.recorded_at < ending
            and d.state <> 'pending' and not (only_failed and d.state = 'delivered')
        order by d.position limit most
    )
    returning w.position;
end
$$;

create function erase_deliveries(store uuid, order_number text, tenant uuid, ended_before timestamptz, most integer)
    returns bigint language plpgsql volatile as $$
declare
    changed bigint;
begin
    perform lock_deliveries();
    if store is not null then
        delete from webhook_deliveries w where w.id in (
            select d.id from webhook_deliveries d where d.store_id = store and d.order_id = order_number limit most);
    elsif tenant is not null then
        delete from webhook_deliveries w where w.id in (
            select d.id from webhook_deliveries d where d.tenant_id = tenant limit most);
    else
        delete from webhook_deliveries w where w.id in (
            select d.id from webhook_deliveries d where d.ended_at < ended_before order by d.ended_at limit most);
    end if;
    get diagnostics changed = row_count;
    return changed;
end
$$;
