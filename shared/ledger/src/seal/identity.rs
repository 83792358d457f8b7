//! Which log this is, and who signs for it.

use merkle::{PublicKey, Signer};
use uuid::Uuid;

use crate::backend::{Backend, BackendError};

/// The setting that holds the log's id.
const LOG: &str = "log_id";
/// The setting that holds the ledger's generation; it rises when the ledger was restored from a backup.
const GENERATION: &str = "generation";

/// The log's name: checkpoints of one ledger carry its id and its generation, so that after a restore from a backup the
/// heads of the lost future and those of the new one are never taken for heads of one log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    log: Uuid,
    generation: u32,
}

impl Identity {
    /// Reads the log's name; the first one to ask gives it the id `fresh`.
    ///
    /// # Errors
    /// [`BackendError`] if the database fails or the stored name cannot be read.
    pub async fn open(backend: &dyn Backend, fresh: Uuid) -> Result<Self, BackendError> {
        if let Some(identity) = Self::find(backend).await? {
            return Ok(identity);
        }
        let log = backend.init_setting(LOG, fresh.to_string().as_bytes()).await?;
        backend.init_setting(GENERATION, b"1").await?;
        Ok(Self {
            log: parsed(LOG, &log)?,
            generation: generation(backend).await?,
        })
    }

    /// Reads the log's name, if it has one yet.
    ///
    /// # Errors
    /// [`BackendError`] if the database fails or the stored name cannot be read.
    pub async fn find(backend: &dyn Backend) -> Result<Option<Self>, BackendError> {
        let Some(log) = backend.setting(LOG).await? else {
            return Ok(None);
        };
        Ok(Some(Self {
            log: parsed(LOG, &log)?,
            generation: generation(backend).await?,
        }))
    }

    /// Starts the ledger's next generation and returns it: the one that was restored from a backup must not sign under the
    /// name of the one that was lost.
    ///
    /// # Errors
    /// [`BackendError`] if the database fails or the stored generation cannot be read.
    pub async fn renew(backend: &dyn Backend) -> Result<u32, BackendError> {
        backend.init_setting(GENERATION, b"1").await?;
        loop {
            let present = generation(backend).await?;
            let next = present.saturating_add(1);
            let (from, to) = (present.to_string(), next.to_string());
            if backend
                .swap_setting(GENERATION, from.as_bytes(), to.as_bytes())
                .await?
            {
                return Ok(next);
            }
        }
    }

    /// The present generation, from 1.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// The origin of checkpoints, now.
    pub fn origin(&self) -> String {
        self.origin_of(self.generation)
    }

    /// The origin of checkpoints of a generation.
    pub fn origin_of(&self, generation: u32) -> String {
        format!("orderdesk-gateway/{}/{generation}", self.log)
    }

    /// The present generation's key pair. The seed is one for all generations; the name differs.
    pub fn signer(&self, seed: &[u8; 32]) -> Signer {
        Signer::new(self.origin(), seed).expect("an origin has neither spaces nor a plus")
    }

    /// The key of a generation.
    pub fn public_key(&self, generation: u32, seed: &[u8; 32]) -> PublicKey {
        let earlier = Self { generation, ..*self };
        earlier.signer(seed).public()
    }
}

async fn generation(backend: &dyn Backend) -> Result<u32, BackendError> {
    match backend.setting(GENERATION).await? {
        Some(stored) => parsed(GENERATION, &stored),
        None => Ok(1),
    }
}

fn parsed<T: std::str::FromStr>(name: &str, stored: &[u8]) -> Result<T, BackendError> {
    let text = std::str::from_utf8(stored).ok();
    text.and_then(|text| text.parse().ok())
        .ok_or_else(|| BackendError::Corrupt {
            table: "settings",
            key: name.to_owned(),
            source: "it does not name a log".into(),
        })
}
