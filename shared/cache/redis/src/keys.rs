//! Names of keys. They say nothing of what they name.

use cache::Envelope;

/// The names under which one deployment of the gateway keeps its entries; others may use the same server.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    prefix: String,
}

impl Names {
    pub(crate) fn new(envelope: &Envelope) -> Self {
        let deployment = hex::encode(&envelope.name_of_deployment()[..8]);
        Self {
            prefix: format!("orderdesk-gateway:cache:{deployment}"),
        }
    }

    pub(crate) fn epoch(&self) -> String {
        format!("{}:epoch", self.prefix)
    }

    pub(crate) fn area(&self, name: &[u8; 32]) -> String {
        format!("{}:area:{}", self.prefix, hex::encode(name))
    }

    pub(crate) fn entry(&self, name: &[u8; 32]) -> String {
        format!("{}:entry:{}", self.prefix, hex::encode(name))
    }
}
