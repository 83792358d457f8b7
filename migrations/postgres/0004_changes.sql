-- When a job of an order, or of a store, last ended: processes whose caches are their own ask before every answer that they
-- take from there. Of each, the last entry is all that is read; an entry is written when a job ends, once.

create index jobs_store_id_order_id_last_position_idx on jobs (store_id, order_id, last_position)
    where status in ('succeeded', 'failed', 'cancelled');
create index jobs_store_id_last_position_idx on jobs (store_id, last_position)
    where status in ('succeeded', 'failed', 'cancelled');
