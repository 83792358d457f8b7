-- What is known of an order, newest first: its changes and the images that were seen or made of it. Other events of jobs
-- stay out, for they are many and say nothing of the order.
create index events_store_id_order_id_position_idx on events (store_id, order_id, position)
    where order_id is not null and type in (
        'batch.opened.v1', 'job.failed.v1', 'job.succeeded.v1',
        'order.changed_externally.v1', 'order.edit_overwritten.v1', 'order.written.v1'
    );
