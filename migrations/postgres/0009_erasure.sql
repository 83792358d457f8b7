-- Erasures of personal data, asked for and done: few, and read from their first by whoever takes a partition over.
create index events_erasures_idx on events (position) where type in ('erasure.done.v1', 'erasure.requested.v1');
