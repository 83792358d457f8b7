//! Sealing and opening of what the ledger keeps: which data key serves which record, and how to get at it.

mod cached;
mod place;

use std::sync::Arc;
use std::time::Duration;

use domain::store::Store;
use domain::{DataKeyId, OrderId, Sealed, StoreId, TenantId, Timestamp};
use ledger::{Append, BackendError, DataKeyRow, Guard, Ledger};
use moka::future::Cache;
use orderdesk::Credentials;
use runtime::Clock;
use secrecy::SecretString;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;
use vault::{Aad, ApiKey, DataKey, Keyring, SystemEntropy, TenantKey, TenantSalt, Zeroizing, sealed_key_id};

pub(crate) use place::hashed_row;
use place::tenant_record;
pub use place::{Purpose, image_row, place_of};

/// How long an opened key is used without asking the ledger whether it still exists.
const FRESH_FOR: Duration = Duration::from_mins(1);

/// Why something cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The key was destroyed, or its tenant erased: the content is gone for ever.
    #[error("the data key is gone")]
    KeyGone,
    /// The bytes are not what was sealed for this place.
    #[error("sealed data are damaged")]
    Damaged,
    /// The key could not be looked up.
    #[error(transparent)]
    Ledger(#[from] BackendError),
}

/// Finds, makes and opens data keys. Cheap to clone; clones share what they remember.
#[derive(Clone)]
pub struct Seals(Arc<Inner>);

struct Inner {
    ledger: Ledger,
    keyring: Arc<Keyring>,
    clock: Arc<dyn Clock>,
    tenants: Cache<TenantId, Arc<TenantKey>>,
    keys: Cache<DataKeyId, Arc<Opened>>,
    orders: Cache<(StoreId, OrderId), DataKeyId>,
    credentials: Cache<(StoreId, u64), Credentials>,
}

struct Opened {
    tenant: TenantId,
    key: DataKey,
}

fn cache<K, V>(capacity: u64) -> Cache<K, V>
where
    K: std::hash::Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    Cache::builder()
        .max_capacity(capacity)
        .time_to_live(FRESH_FOR)
        .build()
}

impl Seals {
    /// Starts with nothing remembered.
    pub fn new(ledger: Ledger, keyring: Arc<Keyring>, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner {
            ledger,
            keyring,
            clock,
            tenants: cache(10_000),
            keys: cache(20_000),
            orders: cache(20_000),
            credentials: cache(10_000),
        }))
    }

    /// What seals the records of `order`: its oldest data key, else a new one. Without an order (a create, an
    /// inventory item) a new one, to be bound when the order has its id.
    pub async fn for_order(
        &self,
        tenant: TenantId,
        store: StoreId,
        order: Option<&OrderId>,
    ) -> Result<Sealer, SealError> {
        if let Some(order) = order {
            let place = (store, order.clone());
            if let Some(id) = self.0.orders.get(&place).await {
                match self.for_key(tenant, id).await {
                    Err(SealError::KeyGone) => self.0.orders.invalidate(&place).await,
                    known => return known,
                }
            }
            if let Some(row) = self.0.ledger.data_key_of_order(store, order).await? {
                let opened = self.unwrap(tenant, &row).await?;
                self.0.orders.insert(place, row.id).await;
                return Ok(Sealer {
                    tenant,
                    id: row.id,
                    opened,
                    new: None,
                });
            }
        }
        let id = DataKeyId(self.0.clock.uuid());
        self.make(tenant, id, Some(store), false, order.cloned()).await
    }

    /// What seals further records under the data key `id`.
    pub async fn for_key(&self, tenant: TenantId, id: DataKeyId) -> Result<Sealer, SealError> {
        let opened = self.opened(tenant, id).await?;
        Ok(Sealer {
            tenant,
            id,
            opened,
            new: None,
        })
    }

    /// What seals further records under the key that sealed `other`: those of a create, say, whose order has no
    /// id to find the key by.
    pub async fn for_sealed(&self, tenant: TenantId, other: &Sealed) -> Result<Sealer, SealError> {
        self.for_key(tenant, required_key_of(other)?).await
    }

    /// What seals what belongs to the tenant as a whole.
    pub async fn for_tenant(&self, tenant: TenantId) -> Result<Sealer, SealError> {
        match self.for_key(tenant, tenant_record(tenant)).await {
            Err(SealError::KeyGone) => {
                let id = DataKeyId(self.0.clock.uuid());
                self.make(tenant, id, None, false, None).await
            }
            known => known,
        }
    }

    /// The same, for a tenant that is about to be written.
    pub(crate) async fn make_for_tenant(&self, tenant: TenantId) -> Result<Sealer, SealError> {
        self.make(tenant, tenant_record(tenant), None, false, None).await
    }

    async fn make(
        &self,
        tenant: TenantId,
        id: DataKeyId,
        store: Option<StoreId>,
        credentials: bool,
        order: Option<OrderId>,
    ) -> Result<Sealer, SealError> {
        let wrapping = self.tenant_key(tenant).await?;
        let key = DataKey::generate(&mut SystemEntropy);
        let row = DataKeyRow {
            id,
            tenant_id: tenant,
            store_id: store,
            credentials,
            order_id: order,
            wrapped: wrapping.wrap(id.0, &key, &mut SystemEntropy),
            created_at: Timestamp::from_millis(self.0.clock.unix_ms()),
        };
        Ok(Sealer {
            tenant,
            id,
            opened: Arc::new(Opened { tenant, key }),
            new: Some(row),
        })
    }

    /// Opens `sealed`, which must have been sealed for this purpose, row and tenant.
    pub async fn open(
        &self,
        tenant: TenantId,
        purpose: Purpose,
        row: Uuid,
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let opened = self.opened(tenant, required_key_of(sealed)?).await?;
        let aad = Aad {
            purpose: purpose.as_str(),
            row: row.as_bytes(),
            tenant: tenant.0,
        };
        opened
            .key
            .open(&aad, sealed.as_bytes())
            .map_err(|_| SealError::Damaged)
    }

    /// As [`Seals::open`], for what [`Sealer::seal_json`] sealed.
    pub async fn open_json<T: DeserializeOwned>(
        &self,
        tenant: TenantId,
        purpose: Purpose,
        row: Uuid,
        sealed: &Sealed,
    ) -> Result<T, SealError> {
        let bytes = self.open(tenant, purpose, row, sealed).await?;
        serde_json::from_slice(&bytes).map_err(|_| SealError::Damaged)
    }

    /// The tenant whose data key sealed something; none once the key was destroyed.
    pub(crate) async fn owner(&self, sealed: &Sealed) -> Result<Option<TenantId>, SealError> {
        let row = self.0.ledger.data_key(required_key_of(sealed)?).await?;
        Ok(row.map(|row| row.tenant_id))
    }

    /// Opens the keys of what is about to be opened, so that not each of them is a query.
    pub(crate) async fn warm(
        &self,
        tenant: TenantId,
        sealed: impl Iterator<Item = &Sealed>,
    ) -> Result<(), SealError> {
        let mut wanted: Vec<DataKeyId> = sealed.filter_map(key_of).collect();
        wanted.sort_unstable();
        wanted.dedup();
        wanted.retain(|id| !self.0.keys.contains_key(id));
        if wanted.len() < 2 {
            return Ok(());
        }
        for row in self.0.ledger.data_keys(&wanted).await? {
            // What is wrong with one of them is said when it is used.
            if let Err(error @ SealError::Ledger(_)) = self.unwrap(tenant, &row).await {
                return Err(error);
            }
        }
        Ok(())
    }

    /// Seals a store's API key under a new data key, which must be kept with it.
    pub async fn seal_credentials(
        &self,
        tenant: TenantId,
        store: StoreId,
        api_key: &ApiKey,
    ) -> Result<(Sealed, DataKeyRow), SealError> {
        let id = DataKeyId(self.0.clock.uuid());
        let sealer = self.make(tenant, id, Some(store), true, None).await?;
        let sealed = sealer.seal(Purpose::Credentials, store.0, api_key.expose().as_bytes());
        Ok((sealed, sealer.new.expect("a made sealer has a new key")))
    }

    /// What a store's calls carry; [`SealError::KeyGone`] once they were destroyed.
    pub async fn credentials(&self, store: &Store) -> Result<Credentials, SealError> {
        let place = (store.id, store.version);
        if let Some(credentials) = self.0.credentials.get(&place).await {
            return Ok(credentials);
        }
        let sealed = store.credentials.as_ref().ok_or(SealError::KeyGone)?;
        let bytes = self
            .open(store.tenant_id, Purpose::Credentials, store.id.0, sealed)
            .await?;
        let text = std::str::from_utf8(&bytes).map_err(|_| SealError::Damaged)?;
        let credentials = Credentials::new(store.store_id.as_str(), SecretString::from(text));
        self.0.credentials.insert(place, credentials.clone()).await;
        Ok(credentials)
    }

    /// Makes known the salt of a tenant that is about to be written.
    pub(crate) async fn introduce(&self, tenant: TenantId, salt: &TenantSalt) {
        self.0
            .tenants
            .insert(tenant, Arc::new(self.0.keyring.tenant_key(salt)))
            .await;
    }

    /// Forgets an erased tenant's key and everything opened with it.
    pub async fn forget_tenant(&self, tenant: TenantId) {
        self.0.tenants.invalidate(&tenant).await;
        // Rare, and the caches are small: simpler than an index, and surely complete.
        self.0.keys.invalidate_all();
        self.0.credentials.invalidate_all();
    }

    /// Forgets all opened data keys, since some were destroyed; those that are left are opened again when needed.
    pub fn forget_keys(&self) {
        self.0.keys.invalidate_all();
        self.0.orders.invalidate_all();
        self.0.credentials.invalidate_all();
    }

    /// Forgets a destroyed data key; what it sealed cannot be opened from here on.
    pub async fn forget_key(&self, id: DataKeyId) {
        self.0.keys.invalidate(&id).await;
        self.0.credentials.invalidate_all();
    }

    async fn opened(&self, tenant: TenantId, id: DataKeyId) -> Result<Arc<Opened>, SealError> {
        if let Some(opened) = self.0.keys.get(&id).await {
            return if opened.tenant == tenant {
                Ok(opened)
            } else {
                Err(SealError::Damaged)
            };
        }
        let row = self.0.ledger.data_key(id).await?.ok_or(SealError::KeyGone)?;
        self.unwrap(tenant, &row).await
    }

    async fn unwrap(&self, tenant: TenantId, row: &DataKeyRow) -> Result<Arc<Opened>, SealError> {
        if row.tenant_id != tenant {
            return Err(SealError::Damaged);
        }
        if let Some(opened) = self.0.keys.get(&row.id).await {
            return Ok(opened);
        }
        let wrapping = self.tenant_key(tenant).await?;
        let key = wrapping
            .unwrap(row.id.0, &row.wrapped)
            .map_err(|_| SealError::Damaged)?;
        let opened = Arc::new(Opened { tenant, key });
        self.0.keys.insert(row.id, Arc::clone(&opened)).await;
        Ok(opened)
    }

    async fn tenant_key(&self, id: TenantId) -> Result<Arc<TenantKey>, SealError> {
        if let Some(key) = self.0.tenants.get(&id).await {
            return Ok(key);
        }
        let tenant = self.0.ledger.tenant(id).await?.ok_or(SealError::KeyGone)?;
        // While it is only being erased, what is in flight must still be proven.
        if tenant.erased_at.is_some() {
            return Err(SealError::KeyGone);
        }
        let mut salt = TenantSalt::default();
        hex::decode_to_slice(&tenant.salt, &mut salt).map_err(|_| SealError::Damaged)?;
        let key = Arc::new(self.0.keyring.tenant_key(&salt));
        self.0.tenants.insert(id, Arc::clone(&key)).await;
        Ok(key)
    }
}

impl std::fmt::Debug for Seals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seals(***)")
    }
}

/// The data key that something is sealed under, as it says itself.
pub fn key_of(sealed: &Sealed) -> Option<DataKeyId> {
    sealed_key_id(sealed.as_bytes()).map(DataKeyId)
}

fn required_key_of(sealed: &Sealed) -> Result<DataKeyId, SealError> {
    key_of(sealed).ok_or(SealError::Damaged)
}

/// Seals records under one data key, which [`Sealer::attach`] must put into the same append.
#[derive(Clone)]
pub struct Sealer {
    tenant: TenantId,
    id: DataKeyId,
    opened: Arc<Opened>,
    new: Option<DataKeyRow>,
}

impl Sealer {
    /// Seals `content` for a purpose and row.
    pub fn seal(&self, purpose: Purpose, row: Uuid, content: &[u8]) -> Sealed {
        let aad = Aad {
            purpose: purpose.as_str(),
            row: row.as_bytes(),
            tenant: self.tenant.0,
        };
        Sealed::new(self.opened.key.seal(self.id.0, &aad, content, &mut SystemEntropy))
    }

    /// Seals the JSON form of `content`, which must have string keys only.
    pub fn seal_json(&self, purpose: Purpose, row: Uuid, content: &impl Serialize) -> Sealed {
        let bytes = Zeroizing::new(serde_json::to_vec(content).expect("sealed content has string keys"));
        self.seal(purpose, row, &bytes)
    }

    /// The data key.
    pub fn key_id(&self) -> DataKeyId {
        self.id
    }

    /// Whether the data key is yet to be written.
    pub fn is_new(&self) -> bool {
        self.new.is_some()
    }

    /// Keeps a new data key with `append`; makes `append` depend on an existing one. Once is enough, more does
    /// no harm.
    pub fn attach(&self, append: &mut Append) {
        match &self.new {
            Some(row) if append.data_keys.iter().any(|kept| kept.id == row.id) => {}
            Some(row) => append.data_keys.push(row.clone()),
            None => {
                let guard = Guard::DataKey(self.id);
                if !append.guards.contains(&guard) {
                    append.guards.push(guard);
                }
            }
        }
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealer({}, ***)", self.id)
    }
}
