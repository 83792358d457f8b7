//! Every operation of the document, in its order.

use utoipa::OpenApi;

use crate::routes;

/// What is described at the handlers.
#[derive(OpenApi)]
#[openapi(
    paths(
        routes::tenant::find::find,
        routes::stores::create::create,
        routes::stores::list::list,
        routes::stores::find::find,
        routes::stores::patch::patch,
        routes::stores::delete::delete,
        routes::stores::settings::settings,
        routes::stores::customers::customers,
        routes::orders::list::list,
        routes::orders::create::create,
        routes::orders::read::read,
        routes::orders::replace::replace,
        routes::orders::delete::delete,
        routes::orders::verb::verb,
        routes::orders::move_folder::move_folder,
        routes::orders::add_items::add_items,
        routes::orders::update_address::update_address,
        routes::orders::add_note::add_note,
        routes::inventory::list::list,
        routes::inventory::read::read,
        routes::inventory::create::create,
        routes::inventory::update::update,
        routes::inventory::delete::delete,
        routes::jobs::batch::batch,
        routes::jobs::list::list,
        routes::jobs::find::find,
        routes::jobs::events::events_of_one,
        routes::jobs::events::events_of_all,
        routes::jobs::cancel::cancel,
        routes::jobs::retry::retry,
        routes::jobs::many::cancel_many,
        routes::jobs::many::retry_many,
        routes::audit::checkpoint::checkpoint,
        routes::audit::inclusion::inclusion,
        routes::audit::consistency::consistency,
        routes::audit::keys::keys,
        routes::health::health,
        routes::health::live,
        routes::ready::ready,
        routes::ready::health_ready,
        routes::metrics::metrics,
        routes::problems::problem,
        routes::openapi::openapi,
        routes::docs::docs,
    ),
    tags(
        (name = "tenant", description = "Who the caller is, and its keys."),
        (name = "stores", description = "The registered Order Desk stores."),
        (name = "orders", description = "Reading orders, and the commands that change them: each is one job."),
        (name = "inventory", description = "Inventory items and the commands that change them."),
        (name = "jobs", description = "What became of the commands."),
        (name = "audit", description = "What was done, and proofs that the record of it was not changed."),
        (name = "admin", description = "For the operator, with `ADMIN_TOKEN`."),
        (name = "service", description = "Health, metrics and this document; no key is needed."),
    )
)]
pub(super) struct Described;
