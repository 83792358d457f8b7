//! Tenants and their keys: made, listed, withdrawn, erased.

mod create;
mod erase;
mod keys;

use domain::tenant::Tenant;
use domain::{RequestId, TenantId};
use ledger::Meta;

pub use create::{MadeTenant, TenantPage};
pub use erase::DeleteTenantError;
pub use keys::{AddKeyError, MadeKey, NewKey, RevokeKeyError};

use crate::{App, Denied};

/// How often a change is decided anew because the tenant changed meanwhile.
const MAX_TRIES: usize = 5;

/// The administrator at work, and from where; stored with every event that the call causes.
#[derive(Clone, Debug)]
pub struct Admin {
    /// From which address.
    pub client_ip: String,
    /// In which request.
    pub request_id: RequestId,
    /// W3C trace context.
    pub traceparent: Option<String>,
}

impl Admin {
    fn meta(&self) -> Meta {
        Meta {
            key_id: None,
            client_ip: Some(self.client_ip.clone()),
            request_id: Some(self.request_id.clone()),
            actor: Some("admin".to_owned()),
            traceparent: self.traceparent.clone(),
        }
    }
}

impl App {
    pub(crate) async fn tenant_row(&self, id: TenantId) -> Result<Tenant, Denied> {
        let tenant = self.0.ledger.tenant(id).await?;
        tenant.ok_or_else(|| Denied::internal("a settled tenant has no row"))
    }
}
