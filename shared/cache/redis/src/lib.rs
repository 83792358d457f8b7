//! Cached answers in Redis: what one process keeps all find, and what one raises all forget.
//!
//! An entry carries the *stamp* that it was filled under: the epoch's token and its area's token, both random. A look
//! compares it with the present tokens in one step; a raise deletes the area's. A token that is gone, for whatever
//! reason (raised, evicted, expired, wiped), comes back as another, so that nothing filled before is ever found again.
//!
//! **When Redis was away**, raises were lost, and it may come back with an older state than it had. So every connection
//! begins a new epoch before it is used: whoever comes back first makes all forget everything. A connection never
//! reconnects by itself. A raise that finds none has one tried at once, so that a change is not recorded unraised
//! merely because nobody has noticed yet that Redis is back.
//!
//! **What remains:** a worker cut off from Redis while API processes are not cannot make them forget. Such a cut shows
//! in `cache_errors_total{operation="raise"}`; how long old answers may then be shown is bounded by their time.
//!
//! Without Redis reads go on at once: a call that takes longer than its patience gives the connection up, and until
//! there is another one nobody waits for it. One server or a primary with replicas is supported, a cluster is not.

mod backend;
mod connect;
mod keeper;
mod keys;
mod link;
mod options;
mod script;

pub use backend::RedisCache;
pub use connect::AddressError;
pub use options::RedisOptions;
