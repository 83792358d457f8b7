//! `POST /move-orders`: many orders into one folder.

use super::Call;
use crate::{
    reply::Reply,
    state::{
        Refusal, Store,
        value::{id, list, text},
    },
};

/// Moves the orders that exist; 404 only if none of them does.
pub(super) fn move_orders(store: &mut Store, call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let body = call.request.object()?;
    let ids: Vec<String> = list(body.get("order_id_list"))
        .iter()
        .filter_map(|value| id(Some(value)))
        .collect();
    if ids.is_empty() {
        return Err(Refusal::bad("order_id_list is required"));
    }
    let name = text(body.get("destination_folder_name"));
    let folder = match id(body.get("destination_folder_id")) {
        Some(_) => call
            .context(&store.config)
            .folder(body.get("destination_folder_id"))
            .cloned(),
        None if name.is_empty() => return Err(Refusal::bad("A destination folder is required")),
        None => store
            .config
            .folders
            .iter()
            .find(|folder| folder.name.eq_ignore_ascii_case(&name))
            .cloned(),
    };
    let folder = folder.ok_or_else(|| Refusal::bad("The destination folder does not exist"))?;
    if !ids.iter().any(|id| store.orders.contains_key(id)) {
        return Err(Refusal::missing("Order"));
    }
    let stamp = call.stamp();
    let moved = ids
        .iter()
        .filter(|id| store.move_order(id, &folder, call.quirks, &stamp))
        .count();
    let reply = Reply::message(format!("{moved} orders moved"));
    Ok(if moved > 0 { reply.changed() } else { reply })
}
