//! What may happen to webhook endpoints.

use domain::event::{
    CallbackSecretCreated, EndpointDeleted, EndpointDisabled, EndpointEnabled, EndpointReplayed,
    EndpointSecretRotated, EndpointTested, EndpointUpdated, Event,
};
use domain::webhook::{DisableReason, Endpoint, WebhookEvent};

use super::super::sample;
use super::Walk;

impl Walk {
    fn endpoint(&mut self) -> Option<Endpoint> {
        let ours = |endpoint: &&Endpoint| {
            let mut places = self.places.iter();
            endpoint.deleted_at.is_none() && places.any(|place| place.tenant.id == endpoint.tenant_id)
        };
        let mut endpoints: Vec<Endpoint> = self.views.endpoints.values().filter(ours).cloned().collect();
        endpoints.sort_by_key(|endpoint| endpoint.position);
        self.pick(&endpoints)
    }

    pub(super) async fn change_endpoint(&mut self) {
        let at = self.now();
        let mut append = sample::append(at);
        if self.below(6) == 0 {
            let places = self.places.clone();
            let place = self.pick(&places).expect("there is one");
            let tenant = self.views.tenants[&place.tenant.id].clone();
            let event = CallbackSecretCreated {
                at,
                tenant_id: tenant.id,
                secret_id: sample::id(),
            };
            append.tenant_with(&tenant, event, Some(sample::sealed("callback")));
            sample::land(&*self.backend, append).await;
            return;
        }
        let endpoint = if self.below(3) == 0 { None } else { self.endpoint() };
        let Some(endpoint) = endpoint else {
            let places = self.places.clone();
            let place = self.pick(&places).expect("there is one");
            let created = sample::endpoint_created(place.tenant.id, at);
            let endpoint = append.create_endpoint(&created, Some(sample::sealed("address")));
            if self.below(2) == 0 {
                let endpoint_id = endpoint.id;
                append.endpoint(&endpoint, EndpointTested { at, endpoint_id }, None);
            }
            sample::land(&*self.backend, append).await;
            return;
        };
        let endpoint_id = endpoint.id;
        let mut sealed = None;
        let event: Event = match self.below(7) {
            0 => {
                sealed = Some(sample::sealed(&format!("address {}", self.clock)));
                EndpointUpdated {
                    at,
                    endpoint_id,
                    events: vec![WebhookEvent::JobFailed],
                    store_ids: vec!["101".parse().unwrap()],
                    new_url: true,
                }
                .into()
            }
            1 => {
                sealed = Some(sample::sealed("secrets"));
                EndpointSecretRotated {
                    at,
                    endpoint_id,
                    secret_id: sample::id(),
                    old_until: at,
                }
                .into()
            }
            2 => EndpointDisabled {
                at,
                endpoint_id,
                reason: DisableReason::Failing,
            }
            .into(),
            3 => EndpointEnabled { at, endpoint_id }.into(),
            4 => EndpointDeleted { at, endpoint_id }.into(),
            5 => EndpointTested { at, endpoint_id }.into(),
            _ => EndpointReplayed {
                at,
                endpoint_id,
                from: at,
                to: at,
                only_failed: false,
                deliveries: 0,
            }
            .into(),
        };
        append.endpoint(&endpoint, event, sealed);
        sample::land(&*self.backend, append).await;
    }
}
