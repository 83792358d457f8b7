-- Calls of Order Desk name its store, which several tenants may have registered.
CREATE INDEX stores_of_upstream ON stores (store_id) WHERE deleted_at IS NULL;
