-- Calls of Order Desk name its store, which several tenants may have registered.
create index stores_store_id_idx on stores (store_id) where deleted_at is null;
