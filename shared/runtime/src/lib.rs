//! Configuration, telemetry, lifecycle and clock, shared by every process.
