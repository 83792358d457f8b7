//! Hints, bus and token grants over NATS JetStream.
