//! The endpoints: which there are, and one file for each family of them.

mod inventory;
mod items;
mod moves;
mod orders;
mod shipments;
mod store;

use http::Method;
use jiff::Timestamp;

use crate::{
    config::StoreConfig,
    kind::RequestKind,
    quirk::Quirks,
    reply::Reply,
    request::ApiRequest,
    state::{Context, Ids, Refusal, Store},
};

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub kind: RequestKind,
    /// The order's id in the path.
    pub order: Option<String>,
    /// The id of an item, shipment or inventory item in the path.
    pub child: Option<String>,
}

/// Finds the endpoint, or the status for there being none: 404, or 405 for a wrong method.
pub(crate) fn resolve(method: &Method, path: &str) -> Result<Route, u16> {
    use RequestKind as Kind;
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let (methods, order, child): (&[(Method, Kind)], Option<&str>, Option<&str>) = match segments[..] {
        ["test"] => (&[(Method::GET, Kind::Test)], None, None),
        ["store"] => (&[(Method::GET, Kind::GetStore)], None, None),
        ["orders"] => (
            &[(Method::GET, Kind::GetOrders), (Method::POST, Kind::CreateOrder)],
            None,
            None,
        ),
        ["orders", order] => (
            &[
                (Method::GET, Kind::GetOrder),
                (Method::PUT, Kind::PutOrder),
                (Method::DELETE, Kind::DeleteOrder),
            ],
            Some(order),
            None,
        ),
        ["orders", order, "order-history"] => (&[(Method::POST, Kind::AddHistory)], Some(order), None),
        ["orders", order, "order-items"] => (
            &[(Method::GET, Kind::GetItems), (Method::POST, Kind::AddItem)],
            Some(order),
            None,
        ),
        ["orders", order, "order-items", item] => (
            &[
                (Method::GET, Kind::GetItem),
                (Method::PUT, Kind::PutItem),
                (Method::DELETE, Kind::DeleteItem),
            ],
            Some(order),
            Some(item),
        ),
        ["orders", order, "shipments"] => (
            &[
                (Method::GET, Kind::GetShipments),
                (Method::POST, Kind::AddShipment),
            ],
            Some(order),
            None,
        ),
        ["orders", order, "shipments", shipment] => (
            &[
                (Method::GET, Kind::GetShipment),
                (Method::PUT, Kind::PutShipment),
                (Method::DELETE, Kind::DeleteShipment),
            ],
            Some(order),
            Some(shipment),
        ),
        ["batch-shipments"] => (&[(Method::POST, Kind::BatchShipments)], None, None),
        ["move-orders"] => (&[(Method::POST, Kind::MoveOrders)], None, None),
        ["inventory-items"] => (
            &[
                (Method::GET, Kind::GetInventory),
                (Method::POST, Kind::CreateInventory),
            ],
            None,
            None,
        ),
        ["inventory-items", item] => (
            &[
                (Method::GET, Kind::GetInventoryItem),
                (Method::PUT, Kind::PutInventoryItem),
                (Method::DELETE, Kind::DeleteInventoryItem),
            ],
            None,
            Some(item),
        ),
        ["batch-inventory-items"] => (&[(Method::PUT, Kind::BatchInventory)], None, None),
        _ => return Err(404),
    };
    let (_, kind) = methods
        .iter()
        .find(|(allowed, _)| allowed == method)
        .ok_or(405_u16)?;
    Ok(Route {
        kind: *kind,
        order: order.map(str::to_owned),
        child: child.map(str::to_owned),
    })
}

/// One request at the moment it is carried out.
pub(crate) struct Call<'a> {
    pub request: &'a ApiRequest,
    pub route: &'a Route,
    pub ids: &'a mut Ids,
    pub quirks: &'a Quirks,
    pub now: Timestamp,
}

impl<'a> Call<'a> {
    /// The order's id in the path; blank where the endpoint has none.
    fn order(&self) -> &'a str {
        self.route.order.as_deref().unwrap_or_default()
    }

    /// The id of the item or shipment in the path; blank where the endpoint has none.
    fn child(&self) -> &'a str {
        self.route.child.as_deref().unwrap_or_default()
    }

    fn context<'c>(&'c mut self, store: &'c StoreConfig) -> Context<'c> {
        Context {
            now: self.now,
            ids: self.ids,
            quirks: self.quirks,
            store,
        }
    }

    fn stamp(&self) -> String {
        crate::state::time::stamp(self.now)
    }
}

/// Carries a request out on the store it names.
pub(crate) fn carry_out(store: &mut Store, call: &mut Call<'_>) -> Reply {
    dispatch(store, call).unwrap_or_else(Reply::from)
}

fn dispatch(store: &mut Store, call: &mut Call<'_>) -> Result<Reply, Refusal> {
    use RequestKind as Kind;
    match call.route.kind {
        Kind::Test => Ok(store::test(call)),
        Kind::GetStore => Ok(store::show(store, call)),
        Kind::GetOrders => orders::search(store, call),
        Kind::CreateOrder => orders::create(store, call),
        Kind::GetOrder => orders::show(store, call),
        Kind::PutOrder => orders::replace(store, call),
        Kind::DeleteOrder => orders::delete(store, call),
        Kind::AddHistory => orders::add_history(store, call),
        Kind::GetItems => items::list(store, call),
        Kind::AddItem => items::add(store, call),
        Kind::GetItem => items::show(store, call),
        Kind::PutItem => items::replace(store, call),
        Kind::DeleteItem => items::delete(store, call),
        Kind::GetShipments => shipments::list(store, call),
        Kind::AddShipment => shipments::add(store, call),
        Kind::GetShipment => shipments::show(store, call),
        Kind::PutShipment => shipments::replace(store, call),
        Kind::DeleteShipment => shipments::delete(store, call),
        Kind::BatchShipments => shipments::batch(store, call),
        Kind::MoveOrders => moves::move_orders(store, call),
        Kind::GetInventory => Ok(inventory::search(store, call)),
        Kind::CreateInventory => inventory::create(store, call),
        Kind::GetInventoryItem => inventory::show(store, call),
        Kind::PutInventoryItem => inventory::replace(store, call),
        Kind::DeleteInventoryItem => inventory::delete(store, call),
        Kind::BatchInventory => inventory::batch(store, call),
        Kind::Unknown => Err(Refusal::missing("Path")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_path_is_404_and_a_wrong_method_405() {
        assert_eq!(resolve(&Method::GET, "/customers"), Err(404));
        assert_eq!(resolve(&Method::PATCH, "/orders/1"), Err(405));
        assert_eq!(resolve(&Method::DELETE, "/orders"), Err(405));
        let route = resolve(&Method::PUT, "/orders/1/order-items/2").unwrap();
        assert_eq!(route.kind, RequestKind::PutItem);
        assert_eq!(
            (route.order.as_deref(), route.child.as_deref()),
            (Some("1"), Some("2"))
        );
    }
}
