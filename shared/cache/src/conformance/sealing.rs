//! A sealing for tests, which shows whether it was used.

use async_trait::async_trait;
use domain::TenantId;

use crate::Sealing;

/// Seals by turning bits over and naming the place in front; hides nothing from a reader of this file, but what it
/// sealed contains nothing of the original text.
#[derive(Clone, Copy, Debug)]
pub struct Turning;

fn turned(content: &[u8]) -> Vec<u8> {
    content.iter().map(|byte| !byte).collect()
}

fn digest(content: &[u8]) -> [u8; 32] {
    // FNV-1a from four starts: enough to tell names of a test apart.
    let mut name = [0; 32];
    for (index, part) in name.chunks_mut(8).enumerate() {
        let start = 0xcbf2_9ce4_8422_2325_u64 ^ (index as u64) << 32;
        let hash = content.iter().fold(start, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        part.copy_from_slice(&hash.to_be_bytes());
    }
    name
}

#[async_trait]
impl Sealing for Turning {
    fn name(&self, content: &[u8]) -> [u8; 32] {
        digest(content)
    }

    async fn seal(&self, tenant: TenantId, place: &[u8], content: &[u8]) -> Option<Vec<u8>> {
        let bound = digest(&[tenant.0.as_bytes(), place].concat());
        Some([bound.to_vec(), turned(content)].concat())
    }

    async fn open(&self, tenant: TenantId, place: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let bound = digest(&[tenant.0.as_bytes(), place].concat());
        Some(turned(sealed.strip_prefix(&bound[..])?))
    }
}
