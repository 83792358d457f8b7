//! Everything that runs without a request: partitions, schedule and the change cycle.
