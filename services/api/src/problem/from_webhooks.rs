//! From the refusals of webhooks to problems.

use app::{DeliveryError, EndpointError, FindStoreError, StoreNames};
use domain::order::FieldCode;

use super::{Code, Field, Problem};

/// No endpoint of the caller has the id.
pub(crate) fn endpoint_not_found() -> Problem {
    Problem::new(
        Code::EndpointNotFound,
        "None of your webhook endpoints has this id.",
    )
}

/// No delivery of the caller has the id.
pub(crate) fn delivery_not_found() -> Problem {
    Problem::new(
        Code::DeliveryNotFound,
        "None of your webhook deliveries has this id.",
    )
}

fn disabled() -> Problem {
    Problem::new(
        Code::EndpointDisabled,
        "The endpoint is told nothing while it is disabled; enable it with PATCH.",
    )
}

impl From<EndpointError> for Problem {
    fn from(error: EndpointError) -> Self {
        match error {
            EndpointError::NotFound => endpoint_not_found(),
            EndpointError::TooMany => {
                Self::new(Code::TooManyEndpoints, "Your tenant has 100 webhook endpoints.")
            }
            EndpointError::Disabled => disabled(),
            EndpointError::Url(error) => Self::validation(vec![Field::member(
                FieldCode::FieldInvalid,
                "/url",
                error.to_string(),
            )]),
            EndpointError::Store(StoreNames { index, error }) => {
                let detail = match error {
                    FindStoreError::NotFound => "is none of your stores",
                    FindStoreError::Ambiguous => "is the label of several of your stores",
                    FindStoreError::Denied(denied) => return denied.into(),
                };
                let pointer = format!("/store_ids/{index}");
                Self::validation(vec![Field::member(FieldCode::FieldInvalid, pointer, detail)])
            }
            EndpointError::Denied(denied) => denied.into(),
        }
    }
}

impl From<DeliveryError> for Problem {
    fn from(error: DeliveryError) -> Self {
        match error {
            DeliveryError::NotFound => delivery_not_found(),
            DeliveryError::Disabled => disabled(),
            DeliveryError::Denied(denied) => denied.into(),
        }
    }
}
