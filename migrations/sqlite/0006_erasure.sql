-- Erasures of personal data, asked for and done: few, and read from their first by whoever takes a partition over.
CREATE INDEX events_of_erasures ON events (position) WHERE type IN ('erasure.done.v1', 'erasure.requested.v1');
