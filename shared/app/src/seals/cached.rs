//! Sealing of cached answers that leave the process, under the key of what belongs to the tenant as a whole: when the
//! tenant is erased, they cannot be read any more, wherever copies of them lie.

use async_trait::async_trait;
use cache::Sealing;
use domain::{Sealed, TenantId};

use super::{Purpose, Seals, hashed_row};

#[async_trait]
impl Sealing for Seals {
    fn name(&self, content: &[u8]) -> [u8; 32] {
        self.0.keyring.cache_name(content)
    }

    async fn seal(&self, tenant: TenantId, place: &[u8], content: &[u8]) -> Option<Vec<u8>> {
        let sealer = self.for_tenant(tenant).await.ok()?;
        // A key that is not in the ledger would be gone with this process.
        let row = hashed_row(&[b"cache entry", place]);
        (!sealer.is_new()).then(|| sealer.seal(Purpose::CacheEntry, row, content).as_bytes().to_vec())
    }

    async fn open(&self, tenant: TenantId, place: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let row = hashed_row(&[b"cache entry", place]);
        let sealed = Sealed::new(sealed.to_vec());
        let content = Seals::open(self, tenant, Purpose::CacheEntry, row, &sealed).await;
        content.ok().map(|content| content.to_vec())
    }
}
