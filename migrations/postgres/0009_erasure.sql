-- Erasures of personal data, asked for and done: few, and read from their first by whoever takes a partition over.
create index events_erasures_idx on events (position) where type in ('erasure.done.v1', 'erasure.requested.v1');

-- An order's pending deliveries stay when its data are erased: that its jobs ended is to be told, too.
create or replace function erase_deliveries(
    store uuid, order_number text, tenant uuid, ended_before timestamptz, most integer
) returns bigint language plpgsql volatile as $$
declare
    changed bigint;
begin
    perform lock_deliveries();
    if store is not null then
        delete from webhook_deliveries w where w.id in (
            select d.id from webhook_deliveries d
            where d.store_id = store and d.order_id = order_number and d.ended_at is not null limit most);
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
