//! The HTTP service: parse, command or query, JSON.
