//! One process on SQLite.

mod smoke;
