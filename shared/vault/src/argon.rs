//! argon2id behind a gate, so that a burst of log-ins cannot take the machine.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use tokio::sync::Semaphore;

use crate::secret::MasterKey;

/// What a hash costs and how many may be at work.
///
/// The costs apply to new hashes; a stored hash is verified at the cost it was made with.
#[derive(Clone, Copy, Debug)]
pub struct PoolConfig {
    /// Memory per hash in KiB. Default 19,456 (OWASP's first choice); at least 8 per lane.
    pub memory_kib: u32,
    /// Passes over the memory. Default 2.
    pub passes: u32,
    /// Lanes. Default 1.
    pub lanes: u32,
    /// How many run at once. Default 2.
    pub concurrency: usize,
    /// How many may wait for their turn, before [`HashError::Busy`]. Default 64, some 1 s of work.
    pub queue: usize,
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            memory_kib: 19_456,
            passes: 2,
            lanes: 1,
            concurrency: 2,
            queue: 64,
        }
    }
}

/// Why a master key was neither hashed nor verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// Too many wait already; try again in a second.
    #[error("too many keys are being verified")]
    Busy,
    /// The stored hash is no PHC string that this program understands.
    #[error("the stored hash is malformed")]
    Malformed,
    /// The configured costs are outside what argon2 allows.
    #[error("the argon2 parameters are out of range")]
    Parameters,
    /// The work was lost: no memory for it, or the runtime is shutting down.
    #[error("hashing was aborted")]
    Aborted,
}

/// Hashes and verifies master keys on blocking threads, few at a time. Clones share the same gate.
///
/// Needs a tokio runtime. A caller who gives up while waiting leaves the queue; work once begun is finished.
#[derive(Clone)]
pub struct ArgonPool(Arc<Gate>);

struct Gate {
    argon2: Argon2<'static>,
    /// Places for those at work and those in the queue.
    places: Arc<Semaphore>,
    /// Turns for those at work; fair, first come first served.
    turns: Arc<Semaphore>,
    verifications: AtomicU64,
}

impl ArgonPool {
    /// Opens a pool.
    ///
    /// # Errors
    /// [`HashError::Parameters`] if the costs are outside argon2's limits or nothing may run.
    pub fn new(config: PoolConfig) -> Result<Self, HashError> {
        let params = Params::new(config.memory_kib, config.passes, config.lanes, None)
            .map_err(|_| HashError::Parameters)?;
        if config.concurrency == 0 {
            return Err(HashError::Parameters);
        }
        Ok(Self(Arc::new(Gate {
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            places: Arc::new(Semaphore::new(config.concurrency + config.queue)),
            turns: Arc::new(Semaphore::new(config.concurrency)),
            verifications: AtomicU64::new(0),
        })))
    }

    /// Hashes `key` with a fresh random `salt` into a PHC string.
    pub async fn hash(&self, key: &MasterKey, salt: [u8; 16]) -> Result<String, HashError> {
        let key = key.clone();
        self.run(move |gate| {
            let hash = gate
                .argon2
                .hash_password_with_salt(key.expose().as_bytes(), &salt);
            hash.map(|hash: PasswordHash| hash.to_string())
                .map_err(|_| HashError::Aborted)
        })
        .await?
    }

    /// Tells whether `key` is the one that `phc` was made from.
    pub async fn verify(&self, key: &MasterKey, phc: &str) -> Result<bool, HashError> {
        let (key, phc) = (key.clone(), phc.to_owned());
        self.run(move |gate| {
            let hash = PasswordHash::new(&phc).map_err(|_| HashError::Malformed)?;
            // A string without its hash parses, and would pass for one of another key.
            if hash.salt.is_none() || hash.hash.is_none() {
                return Err(HashError::Malformed);
            }
            gate.verifications.fetch_add(1, Ordering::Relaxed);
            match gate.argon2.verify_password(key.expose().as_bytes(), &hash) {
                Ok(()) => Ok(true),
                Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
                Err(_) => Err(HashError::Malformed),
            }
        })
        .await?
    }

    /// How many verifications have begun since the start.
    pub fn verifications(&self) -> u64 {
        self.0.verifications.load(Ordering::Relaxed)
    }

    async fn run<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Gate) -> R + Send + 'static,
    ) -> Result<R, HashError> {
        let place = self.0.places.clone().try_acquire_owned().map_err(|_| {
            metrics::counter!("argon2_refused_total").increment(1);
            HashError::Busy
        })?;
        let pending = Pending::begin();
        let turn = self
            .0
            .turns
            .clone()
            .acquire_owned()
            .await
            .expect("the gate is never closed");
        let gate = self.0.clone();
        // Both permits travel with the work: a caller who gives up must not let a third one start.
        let done = tokio::task::spawn_blocking(move || {
            let result = work(&gate);
            drop((turn, place, pending));
            result
        });
        done.await.map_err(|_| HashError::Aborted)
    }
}

/// A key that waits or is being hashed; it counts until it is dropped.
struct Pending(Instant);

impl Pending {
    fn begin() -> Self {
        metrics::gauge!("argon2_pending").increment(1.0);
        Self(Instant::now())
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        metrics::gauge!("argon2_pending").decrement(1.0);
        metrics::histogram!("argon2_duration_seconds").record(self.0.elapsed().as_secs_f64());
    }
}

#[cfg(test)]
impl ArgonPool {
    /// Lets everybody wait until the result is dropped.
    pub(crate) fn hold_turns(&self) -> tokio::sync::OwnedSemaphorePermit {
        let free = self.0.turns.available_permits() as u32;
        self.0.turns.clone().try_acquire_many_owned(free).unwrap()
    }

    /// Turns everybody away until the result is dropped.
    pub(crate) fn hold_places(&self) -> tokio::sync::OwnedSemaphorePermit {
        let free = self.0.places.available_permits() as u32;
        self.0.places.clone().try_acquire_many_owned(free).unwrap()
    }
}

impl fmt::Debug for ArgonPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArgonPool")
            .field("free_places", &self.0.places.available_permits())
            .field("verifications", &self.verifications())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::sync::mpsc;

    use super::*;

    fn cheap(concurrency: usize, queue: usize) -> ArgonPool {
        ArgonPool::new(PoolConfig {
            memory_kib: 8,
            passes: 1,
            lanes: 1,
            concurrency,
            queue,
        })
        .unwrap()
    }

    fn key(text: &str) -> MasterKey {
        MasterKey::parse(text).unwrap()
    }

    #[tokio::test]
    async fn a_hash_verifies_its_key_and_no_other() {
        let pool = cheap(2, 64);
        let phc = pool.hash(&key("right"), [1; 16]).await.unwrap();
        assert_eq!(pool.verify(&key("right"), &phc).await, Ok(true));
        assert_eq!(pool.verify(&key("wrong"), &phc).await, Ok(false));
        assert_eq!(pool.verifications(), 2);
    }

    #[tokio::test]
    async fn new_hashes_are_argon2id_at_the_documented_cost() {
        let pool = ArgonPool::new(PoolConfig::default()).unwrap();
        let phc = pool.hash(&key("right"), [1; 16]).await.unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(!phc.contains("right"));
        assert_eq!(
            cheap(2, 64).verify(&key("right"), &phc).await,
            Ok(true),
            "costs come from the hash"
        );
    }

    #[tokio::test]
    async fn a_malformed_hash_is_an_error_and_not_a_wrong_key() {
        for phc in [
            "",
            "plain",
            "$argon2id$v=19$m=8,t=1,p=1",
            "$2b$12$abcdefghijklmnopqrstuv",
        ] {
            assert_eq!(
                cheap(2, 64).verify(&key("k"), phc).await,
                Err(HashError::Malformed),
                "{phc:?}"
            );
        }
    }

    #[test]
    fn impossible_costs_are_refused() {
        let free = PoolConfig {
            memory_kib: 0,
            ..PoolConfig::default()
        };
        assert_eq!(ArgonPool::new(free).unwrap_err(), HashError::Parameters);
        let idle = PoolConfig {
            concurrency: 0,
            ..PoolConfig::default()
        };
        assert_eq!(ArgonPool::new(idle).unwrap_err(), HashError::Parameters);
    }

    /// Fills both turns with work that waits to be released.
    async fn fill(
        pool: &ArgonPool,
    ) -> (
        mpsc::Sender<()>,
        Vec<tokio::task::JoinHandle<Result<(), HashError>>>,
    ) {
        let (release, gate) = mpsc::channel::<()>();
        let gate = Arc::new(std::sync::Mutex::new(gate));
        let (started, mut begun) = tokio::sync::mpsc::unbounded_channel();
        let mut handles = Vec::new();
        for _ in 0..2 {
            let (pool, gate, started) = (pool.clone(), gate.clone(), started.clone());
            handles.push(tokio::spawn(async move {
                pool.run(move |_| {
                    started.send(()).unwrap();
                    // Ends when the sender is dropped.
                    let _ = gate.lock().unwrap().recv();
                })
                .await
            }));
        }
        begun.recv().await.unwrap();
        begun.recv().await.unwrap();
        (release, handles)
    }

    #[tokio::test]
    async fn a_full_queue_answers_busy_and_those_who_leave_make_room() {
        let pool = cheap(2, 1);
        let (release, handles) = fill(&pool).await;

        let mut waiting = Box::pin(pool.run(|_| ()));
        assert!(poll_once(&mut waiting).await.is_none(), "the third one waits");
        assert_eq!(
            pool.run(|_| ()).await,
            Err(HashError::Busy),
            "the fourth one does not"
        );
        drop(waiting);
        let mut waiting = Box::pin(pool.run(|_| ()));
        assert!(poll_once(&mut waiting).await.is_none(), "its place is free again");

        drop(release);
        assert_eq!(waiting.await, Ok(()));
        for handle in handles {
            assert_eq!(handle.await.unwrap(), Ok(()));
        }
    }

    #[tokio::test]
    async fn a_caller_who_gives_up_does_not_let_a_third_one_start() {
        let pool = cheap(2, 8);
        let (release, handles) = fill(&pool).await;
        for handle in handles {
            handle.abort();
            assert!(handle.await.unwrap_err().is_cancelled());
        }
        assert_eq!(pool.0.turns.available_permits(), 0, "both are still at work");
        let mut third = Box::pin(pool.run(|_| ()));
        assert!(poll_once(&mut third).await.is_none());
        drop(release);
        assert_eq!(third.await, Ok(()));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn never_more_than_two_run_at_once() {
        let pool = cheap(2, 64);
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..40 {
            let (pool, running, most) = (pool.clone(), running.clone(), most.clone());
            tasks.spawn(async move {
                pool.run(move |_| {
                    let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                    most.fetch_max(now, Ordering::SeqCst);
                    std::thread::yield_now();
                    running.fetch_sub(1, Ordering::SeqCst);
                })
                .await
            });
        }
        assert!(tasks.join_all().await.iter().all(Result::is_ok));
        assert!(most.load(Ordering::SeqCst) <= 2);
    }

    /// Polls once: none if it is still pending.
    async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        std::future::poll_fn(|cx| {
            std::task::Poll::Ready(match std::pin::Pin::new(&mut *future).poll(cx) {
                std::task::Poll::Ready(output) => Some(output),
                std::task::Poll::Pending => None,
            })
        })
        .await
    }
}
