//! Control calls on stores and what is in them.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Call, CallError, done};
use crate::{
    config::StoreConfig,
    edit::{Edit, EditMoment, ScheduledEdit},
    handle::ControlError,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seed {
    count: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tokens {
    tokens: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Schedule {
    when: EditMoment,
    edit: Edit,
    #[serde(default = "once")]
    times: u64,
}

const fn once() -> u64 {
    1
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Webhook {
    store: String,
    order: String,
    url: String,
    appointment: Option<String>,
}

pub(super) async fn answer(call: &Call<'_>) -> Result<Value, CallError> {
    let handle = call.handle;
    Ok(match (call.method, call.path) {
        ("GET", ["stores"]) => json!({"stores": handle.stores()}),
        ("POST", ["stores"]) => {
            handle.add_store(call.body::<StoreConfig>()?);
            done()
        }
        ("GET", ["stores", store, "orders"]) => json!({"orders": handle.orders(store)?}),
        ("POST", ["stores", store, "orders"]) => json!({"id": handle.put_order(store, call.body()?)?}),
        ("POST", ["stores", store, "seed"]) => {
            json!({"ids": handle.seed_orders(store, call.body::<Seed>()?.count)?})
        }
        ("GET", ["stores", store, "orders", order]) => handle
            .get_order(store, order)
            .ok_or_else(|| unknown(store, order))?,
        ("GET", ["stores", store, "orders", order, "history"]) => {
            json!({"history": handle.history(store, order)})
        }
        ("POST", ["stores", store, "orders", order, "edit"]) => {
            json!({"order": handle.foreign_edit(store, order, call.body()?)?})
        }
        ("POST", ["stores", store, "orders", order, "schedule"]) => {
            let Schedule { when, edit, times } = call.body()?;
            let (store, order) = ((*store).to_owned(), (*order).to_owned());
            handle.schedule_edit(ScheduledEdit {
                store,
                order,
                when,
                edit,
                times,
            });
            done()
        }
        ("GET", ["stores", store, "inventory"]) => json!({"inventory": handle.inventory(store)?}),
        ("POST", ["stores", store, "inventory"]) => {
            json!({"id": handle.put_inventory_item(store, call.body()?)?})
        }
        ("GET", ["stores", store, "tokens"]) => json!({"tokens": handle.tokens(store)?}),
        ("PUT", ["stores", store, "tokens"]) => {
            handle.set_tokens(store, call.body::<Tokens>()?.tokens)?;
            done()
        }
        ("POST", ["webhook"]) => {
            let Webhook {
                store,
                order,
                url,
                appointment,
            } = call.body()?;
            json!({"status": handle.post_webhook(&store, &order, &url, appointment.as_deref()).await?})
        }
        _ => return Err(CallError::NoSuchCall),
    })
}

fn unknown(store: &str, order: &str) -> CallError {
    ControlError::NoSuchOrder {
        store: store.into(),
        order: order.into(),
    }
    .into()
}
