//! `/stores`: registering, listing, changing and removing stores.

pub(crate) mod create;
pub(crate) mod customers;
pub(crate) mod delete;
pub(crate) mod find;
pub(crate) mod list;
pub(crate) mod patch;
pub(crate) mod settings;

use std::sync::Arc;

use app::App;
use domain::store::Store;

pub(crate) use create::create;
pub(crate) use customers::customers;
pub(crate) use delete::delete;
pub(crate) use find::find;
pub(crate) use list::list;
pub(crate) use patch::patch;
pub(crate) use settings::settings;

use crate::observe::Context;
use crate::problem::Problem;

/// The caller's store that `name` means; from here on the log names it.
pub(super) async fn resolve(
    app: &App,
    caller: &app::Caller,
    context: &Context,
    name: &str,
) -> Result<Store, Problem> {
    let store = app.find_store(caller, name).await?;
    note(context, &store);
    Ok(store)
}

/// As [`resolve`], for reads of Order Desk's content: they may use what the process remembers of the store.
pub(super) async fn resolve_for_read(
    app: &App,
    caller: &app::Caller,
    context: &Context,
    name: &str,
) -> Result<Arc<Store>, Problem> {
    let store = app.find_store_to_read(caller, name).await?;
    note(context, &store);
    Ok(store)
}

fn note(context: &Context, store: &Store) {
    context.log(|fields| {
        fields.tenant_id = Some(store.tenant_id.to_string());
        fields.store_id = Some(store.store_id.to_string());
    });
}
