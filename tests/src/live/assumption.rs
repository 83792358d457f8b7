//! What the gateway assumes of Order Desk without its documentation saying so.

/// One assumption.
#[derive(Clone, Copy, Debug)]
pub struct Assumption {
    /// Its name: the step that tries it, a dot, what it is about.
    pub code: &'static str,
    /// The assumption, as a sentence.
    pub text: &'static str,
    /// Why a live check cannot try it, if it cannot.
    pub untried: Option<&'static str>,
}

const fn tried(code: &'static str, text: &'static str) -> Assumption {
    Assumption {
        code,
        text,
        untried: None,
    }
}

const fn untried(code: &'static str, text: &'static str, why: &'static str) -> Assumption {
    Assumption {
        code,
        text,
        untried: Some(why),
    }
}

/// All of them, in the order of a report.
#[rustfmt::skip]
pub const ASSUMPTIONS: &[Assumption] = &[
    tried("http.keep_alive", "Connections are HTTP/1.1 and stay open."),
    tried("http.status_agrees", "The HTTP status and the body's status agree on every answer."),
    tried("store.folders_map", "The folders of a store are a map from id to name."),
    tried("store.usual_folders", "A store has the folders New, Prepared, Closed and Canceled."),
    tried("create.status_201", "Creating an order is answered 201."),
    tried("create.as_sent", "A created order is what was sent; no rule changes it at once."),
    tried("create.note_dated", "A note without a date gets one."),
    tried("create.duplicate_400", "A second order of the same source id and name is refused with 400."),
    tried("create.duplicate_named", "The refusal of a duplicate names the order that exists."),
    tried("create.other_source_name", "The same source id under another source name is no duplicate."),
    tried("values.empty_map_is_list", "An empty map comes out as []."),
    tried("values.numbers", "Totals and quantities are JSON numbers."),
    tried("conflict.no_etag", "A read order carries no ETag header."),
    tried("conflict.no_version", "An order has no version number."),
    tried("conflict.if_match_ignored", "A PUT with an If-Match that cannot match is carried out: there is no 409 or 412."),
    tried("put.answer_has_order", "The answer to a PUT carries the order."),
    tried("put.same_changes_nothing", "A PUT of what was read changes nothing but date_updated; it runs no rule."),
    tried("put.omitted_text_blank", "A text that a PUT leaves out becomes blank."),
    tried("put.omitted_map_empty", "A map that a PUT leaves out becomes empty."),
    tried("put.omitted_address_blank", "An address that a PUT leaves out becomes blank."),
    tried("put.map_replaced", "A map in a PUT replaces the old one; keys are not merged."),
    tried("put.items_replaced", "The items of a PUT become the items: known ids are changed, others added, missing ones removed."),
    tried("put.item_ids_kept", "Items keep their ids through a PUT."),
    tried("put.no_items_accepted", "A PUT without items removes all items instead of being refused."),
    tried("put.notes_replaced", "The notes of a PUT become the notes; they are not added to the old ones."),
    tried("put.shipments_ignored", "Shipments in a PUT are ignored."),
    tried("put.folder_kept", "folder_id in a PUT does not move the order."),
    tried("put.server_fields_ignored", "Totals, tag and mail count in a PUT are ignored."),
    tried("put.totals_recomputed", "A PUT that changes items recomputes the totals."),
    tried("put.date_updated_ignored", "date_updated in a PUT is ignored, and is no precondition."),
    tried("put.unknown_ignored", "An unknown member of an order in a PUT is not stored."),
    tried("date.same_put_moves", "A PUT that changes nothing moves date_updated."),
    tried("date.put_moves", "A PUT that changes something moves date_updated."),
    tried("date.history_still", "A history entry does not move date_updated."),
    tried("date.move_moves", "A move to another folder moves date_updated."),
    tried("move.by_list", "/move-orders with order_id_list and destination_folder_id moves the order."),
    tried("error.bad_json_400", "A body that is no JSON is answered 400."),
    tried("error.missing_field_400", "An order without items is refused with 400."),
    tried("error.wrong_method_405", "PATCH of an order is answered 405."),
    tried("error.unknown_path_404", "An unknown path is answered 404."),
    tried("error.no_customers", "There is no resource of customers."),
    tried("error.unknown_order_404", "An order that does not exist is answered 404 with status error."),
    tried("search.limit_500", "A limit above 500 is cut to 500."),
    tried("search.bounds_inclusive", "Both bounds of a range of dates are part of it."),
    tried("search.date_is_midnight", "A bound without a time means midnight."),
    tried("search.ignores_case", "The search by e-mail address ignores case."),
    untried("http.key_is_everything", "Store id and key are the whole identity, without scopes.", "it takes a second kind of key"),
    untried("error.locked_403", "A locked store is answered 403.", "it takes a locked store"),
    untried("error.html_5xx", "The body of a 5xx may be HTML.", "it takes a failure of Order Desk"),
    untried("limit.per_store", "The token bucket belongs to the store, not to a client.", "it would take tokens from others"),
    untried("create.no_idempotency_key", "There is no header that makes a repeated request harmless.", "nothing tells the absence of an unnamed header"),
    untried("create.only_way_for_notes", "Notes can be written only as part of an order.", "nothing tells the absence of an unknown endpoint"),
    untried("search.offset_moves", "Pages by offset shift while orders arrive.", "it takes orders of others"),
    untried("inventory.batch_answer", "A batch of inventory items is answered with a message or a list of results.", "it would write to the inventory"),
    untried("webhook.no_event_id", "A webhook carries no event id, type or sequence, and may come twice.", "it takes a rule and a receiver"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const DOCUMENT: &str = include_str!("../../../ops/live-check.md");

    #[test]
    fn the_document_names_every_assumption_and_no_other() {
        let rows = DOCUMENT.lines().filter(|line| line.starts_with("| `"));
        let documented: Vec<(&str, &str)> = rows
            .map(|line| {
                let mut cells = line.trim_matches('|').split(" | ").map(str::trim);
                let mut cell = || cells.next().unwrap_or_default();
                (cell().trim_matches('`'), cell())
            })
            .collect();
        let known: Vec<(&str, &str)> = ASSUMPTIONS.iter().map(|known| (known.code, known.text)).collect();
        assert_eq!(documented, known);
        let codes: BTreeSet<&str> = ASSUMPTIONS.iter().map(|known| known.code).collect();
        assert_eq!(codes.len(), ASSUMPTIONS.len(), "each code once");
    }
}
