//! The keys that derive from the root key, each for one use.

use std::fmt;

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::label::{self, joined};
use crate::root::RootKey;
use crate::secret::{ApiKey, MasterKey};
use crate::tenant::TenantKey;

/// What a master key is looked up by; says nothing about the key without the root key.
pub type LookupHash = [u8; 32];

/// The identity of an upstream store: equal for equal base URL, store id and API key.
pub type UpstreamKey = [u8; 16];

/// The random value that makes a tenant's key its own; [`random`](crate::random) makes one.
pub type TenantSalt = [u8; 32];

/// Every key derived from the root key. Cheap to use, made once per process.
pub struct Keyring {
    source: Hkdf<Sha256>,
    lookup: Zeroizing<[u8; 32]>,
    digest: Zeroizing<[u8; 32]>,
    etag: Zeroizing<[u8; 32]>,
    fingerprint: Zeroizing<[u8; 32]>,
    upstream: Zeroizing<[u8; 32]>,
    signing: Zeroizing<[u8; 32]>,
    cache_name: Zeroizing<[u8; 32]>,
}

impl Keyring {
    /// Derives all keys from `root`.
    pub fn new(root: &RootKey) -> Self {
        let source = Hkdf::<Sha256>::new(None, root.0.as_ref());
        Self {
            lookup: label::derive(&source, &[label::LOOKUP]),
            digest: label::derive(&source, &[label::DIGEST]),
            etag: label::derive(&source, &[label::ETAG]),
            fingerprint: label::derive(&source, &[label::FINGERPRINT]),
            upstream: label::derive(&source, &[label::UPSTREAM]),
            signing: label::derive(&source, &[label::SIGNING]),
            cache_name: label::derive(&source, &[label::CACHE_NAME]),
            source,
        }
    }

    /// What `key` is stored and looked up by.
    pub fn lookup_hash(&self, key: &MasterKey) -> LookupHash {
        mac(&self.lookup, key.expose().as_bytes())
    }

    /// Identifies a request body or the like, for recognising its repeat.
    pub fn fingerprint(&self, content: &[u8]) -> [u8; 32] {
        mac(&self.fingerprint, content)
    }

    /// Names what is kept in a cache outside the process, where names must say nothing.
    pub fn cache_name(&self, content: &[u8]) -> [u8; 32] {
        mac(&self.cache_name, content)
    }

    /// Identifies the upstream store that these credentials open; tenants with the same ones share it.
    ///
    /// A slash at the end of `base_url` does not count.
    pub fn upstream_key(&self, base_url: &str, store_id: &str, api_key: &ApiKey) -> UpstreamKey {
        let parts = [
            base_url.trim_end_matches('/').as_bytes(),
            store_id.as_bytes(),
            api_key.expose().as_bytes(),
        ];
        let content = Zeroizing::new(joined(&parts));
        let mut key = [0; 16];
        key.copy_from_slice(&mac(&self.upstream, &content)[..16]);
        key
    }

    /// The key of digests of order content.
    pub fn digest_key(&self) -> &[u8; 32] {
        &self.digest
    }

    /// The key of entity tags.
    pub fn etag_key(&self) -> &[u8; 32] {
        &self.etag
    }

    /// The seed of the key pair that signs the audit trail.
    pub fn signing_seed(&self) -> &[u8; 32] {
        &self.signing
    }

    /// The key of the tenant with this salt. Once the salt is gone, so is the key.
    pub fn tenant_key(&self, salt: &TenantSalt) -> TenantKey {
        TenantKey(label::derive(&self.source, &[label::TENANT, salt]))
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring(***)")
    }
}

fn mac(key: &[u8; 32], content: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(content);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyring() -> Keyring {
        Keyring::new(&RootKey(Zeroizing::new([42; 32])))
    }

    fn api_key(text: &str) -> ApiKey {
        ApiKey::parse(text).unwrap()
    }

    /// Computed by an independent implementation (Python's `hmac`) from the labels as first released.
    #[test]
    fn what_the_root_key_derives_never_changes() {
        let keys = keyring();
        let known = [
            (
                "lookup",
                &keys.lookup,
                "5804dcaddad79cc2b85ce4ae14808b20e162d29d7051c637890638a811cecc42",
            ),
            (
                "digest",
                &keys.digest,
                "84045f4af2e1b8b3ac5ab7930ee3941ca14b54d18fda7b44a0008ce1a3d40752",
            ),
            (
                "etag",
                &keys.etag,
                "5599035fa3abad9453f4ce95840765cc885bbb31cf55491b89602dc4b8e4390b",
            ),
            (
                "fingerprint",
                &keys.fingerprint,
                "91a7cd8a09459003970cfb89f84d396837ae5cb3a04140e18faca6a7b5f4f4ed",
            ),
            (
                "upstream",
                &keys.upstream,
                "e998e66b613fe276040491054df26171a06ed10710e62585fa7cb5d772e20063",
            ),
            (
                "signing",
                &keys.signing,
                "6fa3b924defe46f3e52722ae699817fc9920ac27187c47112ba5b4e1d82be25b",
            ),
            (
                "cache-name",
                &keys.cache_name,
                "3f1c001ce369f5adde5c714be6c537519a7bc4bb711dd136a5b85bc0626ec203",
            ),
            (
                "tenant",
                &keys.tenant_key(&[9; 32]).0,
                "2fa4b77e06369329b5507e11ca032d56f43df20b9dd3f6b5e9d31ef3ce5d0aef",
            ),
        ];
        for (name, key, answer) in known {
            assert_eq!(hex::encode(key.as_ref()), answer, "{name}");
        }
        assert_eq!(keys.digest_key(), &*keys.digest);
        assert_eq!(keys.etag_key(), &*keys.etag);
        assert_eq!(keys.signing_seed(), &*keys.signing);
    }

    #[test]
    fn what_the_derived_keys_identify_never_changes() {
        let keys = keyring();
        let master = MasterKey::parse("odgk_example").unwrap();
        assert_eq!(
            hex::encode(keys.lookup_hash(&master)),
            "01f204f9b76f935d22403b1cf1dc6e121ea55cf92d693980e0419ae408f95757"
        );
        assert_eq!(
            hex::encode(keys.fingerprint(b"body")),
            "03fa4d909ef814ed12a3bb3ae296657ac7c5c410e379ed4942019e23ef97ed5c"
        );
        assert_eq!(
            hex::encode(keys.cache_name(b"entry")),
            "72f1576fe0740b7773fba51fa72da99e090aa98d041badfc3b167d0c4816a237"
        );
        let upstream = keys.upstream_key("https://app.orderdesk.me/api/v2", "12345", &api_key("abc"));
        assert_eq!(hex::encode(upstream), "433929a037187dfd9f242c4ca650e53c");
    }

    #[test]
    fn another_root_key_looks_up_differently() {
        let other = Keyring::new(&RootKey(Zeroizing::new([43; 32])));
        let master = MasterKey::parse("odgk_example").unwrap();
        assert_ne!(keyring().lookup_hash(&master), other.lookup_hash(&master));
    }

    #[test]
    fn an_upstream_store_is_told_by_base_url_store_and_key() {
        let keys = keyring();
        let one = keys.upstream_key("https://a", "12", &api_key("3x"));
        assert_eq!(one, keys.upstream_key("https://a/", "12", &api_key("3x")));
        assert_ne!(one, keys.upstream_key("https://b", "12", &api_key("3x")));
        assert_ne!(
            one,
            keys.upstream_key("https://a", "123", &api_key("x")),
            "parts do not run together"
        );
        assert_ne!(one, keys.upstream_key("https://a", "12", &api_key("3y")));
    }

    #[test]
    fn a_keyring_prints_as_stars() {
        assert_eq!(format!("{:?}", keyring()), "Keyring(***)");
    }
}
