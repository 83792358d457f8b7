-- Who runs which partition, by this database's clock, in whole milliseconds.

-- Renews a heartbeat and tells who owns what.
--
-- The row lock on the heartbeat is what a take-over waits for: whoever comes second sees what the first one did, so a
-- partition is never taken from an owner who was just told that it is still its own.
create function heartbeat(
    me uuid, ttl_ms bigint, leaving boolean,
    out clock timestamptz, out live uuid[], out numbers integer[], out owners uuid[], out epochs bigint[],
    out alive boolean[]
) language plpgsql volatile as $$
#variable_conflict use_column
begin
    insert into workers as w (incarnation, expires_at, draining)
    values (me, date_trunc('milliseconds', clock_timestamp()) + ttl_ms * interval '1 millisecond', leaving)
    on conflict (incarnation) do update set expires_at = excluded.expires_at, draining = excluded.draining;

    -- Long dead and of no interest: one that still owns something says until when it can have been sending.
    delete from workers w where w.incarnation in (
        select d.incarnation from workers d
        where d.expires_at < clock_timestamp() - interval '1 hour'
            and not exists (select from partitions p where p.owner = d.incarnation)
        for update skip locked
    );

    clock := date_trunc('milliseconds', clock_timestamp());
    select coalesce(array_agg(w.incarnation order by w.incarnation), '{}') into live
    from workers w where w.expires_at > clock and not w.draining;
    select coalesce(array_agg(p.partition order by p.partition), '{}'),
        coalesce(array_agg(p.owner order by p.partition), '{}'),
        coalesce(array_agg(p.epoch order by p.partition), '{}'),
        coalesce(array_agg(coalesce(w.expires_at > clock, false) order by p.partition), '{}')
    into numbers, owners, epochs, alive
    from partitions p left join workers w on w.incarnation = p.owner;
end
$$;

-- Takes partitions over; see heartbeat and append_batch for the locks.
create function claim_partitions(me uuid, wanted integer[], forced boolean)
    returns table (partition integer, epoch bigint, idle_since timestamptz)
    language plpgsql volatile as $$
#variable_conflict use_column
declare
    clock timestamptz;
begin
    perform h.position from ledger_head h where h.id for update;
    perform w.incarnation from workers w
    where w.incarnation = me
        or w.incarnation in (select p.owner from partitions p where p.partition = any (wanted))
    order by w.incarnation
    for update;
    clock := date_trunc('milliseconds', clock_timestamp());
    if not exists (select from workers w where w.incarnation = me and w.expires_at > clock) then
        return;
    end if;
    return query
    with free as (
        select p.partition,
            case when p.owner is null then p.idle_since else least(w.expires_at, clock) end as idle_since
        from partitions p left join workers w on w.incarnation = p.owner
        where p.partition = any (wanted)
            and (p.owner is null or w.expires_at is null or w.expires_at <= clock or (forced and p.owner <> me))
    )
    update partitions p set owner = me, epoch = p.epoch + 1, idle_since = null
    from free f where p.partition = f.partition
    returning p.partition, p.epoch, f.idle_since;
end
$$;

-- Gives partitions back, all of them if none are named.
create function release_partitions(me uuid, given integer[]) returns void language plpgsql volatile as $$
begin
    perform h.position from ledger_head h where h.id for update;
    update partitions p set owner = null, idle_since = date_trunc('milliseconds', clock_timestamp())
    where p.owner = me and (given is null or p.partition = any (given));
end
$$;

-- Ends an incarnation.
create function end_incarnation(me uuid) returns void language plpgsql volatile as $$
begin
    perform release_partitions(me, null);
    delete from workers w where w.incarnation = me;
end
$$;
