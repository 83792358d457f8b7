//! What leaves the process is sealed, and its names say nothing.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use domain::{TenantId, Timestamp};

use crate::{Area, Content, Entry, Generation, Key};

/// Seals and names, with keys that a backend does not know.
#[async_trait]
pub trait Sealing: Send + Sync + 'static {
    /// A name for `content` that says nothing of it to whoever has not the key; the same in every process and run.
    fn name(&self, content: &[u8]) -> [u8; 32];

    /// Seals for a tenant and a place; `None` if there is no key, and then nothing is kept.
    async fn seal(&self, tenant: TenantId, place: &[u8], content: &[u8]) -> Option<Vec<u8>>;

    /// Opens what was sealed for this tenant and place; `None` if it is something else, or the key is gone.
    async fn open(&self, tenant: TenantId, place: &[u8], sealed: &[u8]) -> Option<Vec<u8>>;
}

/// Makes entries fit to leave the process; cheap to clone.
#[derive(Clone)]
pub struct Envelope(Arc<dyn Sealing>);

impl Envelope {
    /// Sealed by `sealing`.
    pub fn new(sealing: Arc<dyn Sealing>) -> Self {
        Self(sealing)
    }

    /// The name of all that shares one set of keys.
    pub fn name_of_deployment(&self) -> [u8; 32] {
        self.0.name(&joined(&[b"deployment"]))
    }

    /// The name of an area.
    pub fn name_of_area(&self, area: &Area) -> [u8; 32] {
        self.0.name(&joined(&[
            b"area",
            area.tenant.0.as_bytes(),
            area.store.0.as_bytes(),
            area.topic.name().as_bytes(),
            area.topic.id().as_bytes(),
        ]))
    }

    /// The name of an entry. Queries hold e-mail addresses, so no name may show one.
    pub fn name_of_entry(&self, key: &Key<'_>) -> [u8; 32] {
        let area = self.name_of_area(key.area);
        self.0.name(&joined(&[b"entry", &area, key.query.as_bytes()]))
    }

    /// The sealed content of an entry; `None` if there is no key. It opens for no other entry, generation or time.
    pub async fn seal(&self, key: &Key<'_>, generation: Generation, entry: &Entry) -> Option<Vec<u8>> {
        let place = self.place(key, generation, entry.fetched_at);
        self.0.seal(key.area.tenant, &place, &pack(&entry.content)).await
    }

    /// The entry whose content was sealed; `None` if this is not it.
    pub async fn open(
        &self,
        key: &Key<'_>,
        generation: Generation,
        fetched_at: Timestamp,
        sealed: &[u8],
    ) -> Option<Entry> {
        let place = self.place(key, generation, fetched_at);
        let packed = self.0.open(key.area.tenant, &place, sealed).await?;
        Some(Entry {
            content: unpack(packed)?,
            fetched_at,
        })
    }

    fn place(&self, key: &Key<'_>, generation: Generation, fetched_at: Timestamp) -> Vec<u8> {
        joined(&[
            b"cached",
            &self.name_of_entry(key),
            &generation.0.to_be_bytes(),
            &fetched_at.as_millis().to_be_bytes(),
        ])
    }
}

impl std::fmt::Debug for Envelope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Envelope(***)")
    }
}

/// Each part is preceded by its length, so that no two lists run together to the same.
fn joined(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        out.extend_from_slice(&(part.len() as u64).to_be_bytes());
        out.extend_from_slice(part);
    }
    out
}

/// The body behind its tag: 0, or 1 with the tag's length and text.
fn pack(content: &Content) -> Vec<u8> {
    let tag = content.etag.as_deref().unwrap_or_default();
    let mut out = Vec::with_capacity(5 + tag.len() + content.body.len());
    out.push(u8::from(content.etag.is_some()));
    out.extend_from_slice(&(tag.len() as u32).to_be_bytes());
    out.extend_from_slice(tag.as_bytes());
    out.extend_from_slice(&content.body);
    out
}

fn unpack(packed: Vec<u8>) -> Option<Content> {
    let packed = Bytes::from(packed);
    let (head, rest) = packed.split_first_chunk::<5>()?;
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
    let tag = rest.get(..length)?;
    let etag = match head[0] {
        0 => None,
        1 => Some(std::str::from_utf8(tag).ok()?.to_owned()),
        _ => return None,
    };
    Some(Content {
        body: packed.slice(5 + length..),
        etag,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked() {
        for etag in [None, Some(String::new()), Some("\"ä\"".to_owned())] {
            for body in [Bytes::new(), Bytes::from_static(b"{\"a\":1}")] {
                let content = Content {
                    body,
                    etag: etag.clone(),
                };
                assert_eq!(unpack(pack(&content)), Some(content));
            }
        }
    }

    #[test]
    fn what_was_not_packed_is_none() {
        for packed in [
            &b""[..],
            b"\x00",
            b"\x01\x00\x00\x00\x09ab",
            b"\x07\x00\x00\x00\x00ab",
        ] {
            assert_eq!(unpack(packed.to_vec()), None, "{packed:?}");
        }
    }
}
