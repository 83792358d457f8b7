//! Parameters that many operations take: described once, referred to by name.

use app::Listing;
use serde_json::{Map, Value, json};
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};

/// An example of an id of ours.
const UUID: &str = "0192f0c1-2b7c-7e7e-8a51-0d2f6c1f9a3e";

macro_rules! sets {
    ($($(#[$doc:meta])* $name:ident = $parameters:expr;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl IntoParams for $name {
            fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
                $parameters
            }
        }
    )*};
}

sets! {
    /// Pages of our own lists.
    Paging = named(&["limit", "cursor"]);
    /// How long the answer waits for the job.
    Waiting = named(&["Prefer"]);
    /// What a read may depend on.
    Conditional = named(&["If-None-Match", "Cache-Control"]);
    /// Where a stream of events goes on.
    Following = named(&["Last-Event-ID"]);
    /// The options of a command that changes an existing order.
    Command = named(&["dry_run", "priority", "run_at", "callback_url", "guard", "If-Match", "Prefer"]);
    /// The options of a command without an order that could carry a tag.
    Untagged = named(&["dry_run", "priority", "run_at", "callback_url", "guard", "Prefer"]);
    /// How long a read of a job waits for its end.
    Wait = vec![query(
        "wait",
        "Answer when the job has ended, or after this many seconds; at most 60 count.",
        json!({"type": "integer", "minimum": 0}),
    )];
    /// Which jobs are meant.
    JobSearch = vec![
        query("store_id", "As in paths; a deleted store by our id alone.", json!({"type": "string"})),
        query("order_id", "Order Desk's id.", json!({"type": "string", "pattern": "^[0-9]{1,20}$"})),
        query(
            "status",
            "Any of these; also separated by commas.",
            json!({"type": "array", "items": {"$ref": "#/components/schemas/Status"}}),
        ),
        query("kind", "What the command does.", json!({"$ref": "#/components/schemas/CommandKind"})),
        query("from", "Submitted at this time or later.", json!({"type": "string", "format": "date-time"})),
        query("to", "Submitted before this time.", json!({"type": "string", "format": "date-time"})),
    ];
    /// Which deliveries are meant.
    DeliverySearch = vec![
        query("status", "Where they stand.", json!({"$ref": "#/components/schemas/DeliveryStatus"})),
    ];
    /// Which entries of the audit log are meant.
    AuditSearch = vec![
        query("store_id", "As in paths; a deleted store by our id alone.", json!({"type": "string"})),
        query(
            "order_id",
            "Order Desk's id of an order or inventory item.",
            json!({"type": "string", "pattern": "^[0-9]{1,20}$"}),
        ),
        query("job_id", "What happened to this job.", json!({"type": "string", "format": "uuid"})),
        query(
            "actor",
            "Who asked: the id of a key, or the address of a client.",
            json!({"anyOf": [
                {"type": "string", "format": "uuid"},
                {"type": "string", "format": "ipv4"},
                {"type": "string", "format": "ipv6"},
            ]}),
        ),
        query("type", "What happened.", json!({"$ref": "#/components/schemas/EventType"})),
        query("from", "Recorded at this time or later.", json!({"type": "string", "format": "date-time"})),
        query("to", "Recorded before this time.", json!({"type": "string", "format": "date-time"})),
    ];
    /// Which entries of the audit log are exported, and how.
    AuditExport = vec![
        query(
            "format",
            "`ndjson`, which proves itself, or `csv`.",
            json!({"type": "string", "enum": ["ndjson", "csv"], "default": "ndjson"}),
        ),
        query("from", "Recorded at this time or later.", json!({"type": "string", "format": "date-time"})),
        query("to", "Recorded before this time.", json!({"type": "string", "format": "date-time"})),
        query(
            "from_position",
            "At this `position` of the log or behind it.",
            json!({"type": "integer", "minimum": 0, "maximum": 999_999_999_999_999_999_u64}),
        ),
    ];
    /// What orders can be searched by.
    OrderSearch = search(Listing::Orders);
    /// What inventory items can be searched by.
    InventorySearch = search(Listing::Inventory);
    /// What customers can be searched by.
    CustomerSearch = app::CustomerSearch::PARAMETERS.map(|name| {
        let schema = json!({"type": "string", "pattern": app::CustomerSearch::PATTERN});
        query(name, "One of these is required; they combine with AND.", schema)
    }).to_vec();
}

/// Parameters of which only the names count: they become references.
fn named(names: &[&str]) -> Vec<Parameter> {
    names.iter().map(|name| Parameter::new(*name)).collect()
}

fn query(name: &str, about: &str, schema: Value) -> Parameter {
    let parameter =
        json!({"name": name, "in": "query", "required": false, "description": about, "schema": schema});
    serde_json::from_value(parameter).expect("this is a parameter")
}

/// Order Desk's own search parameters, each with the rule that its values must keep.
fn search(listing: Listing) -> Vec<Parameter> {
    let paging = [
        query(
            "limit",
            "Rows of the page.",
            json!({"type": "integer", "minimum": 1, "maximum": 500, "default": 50}),
        ),
        query(
            "offset",
            "The first row.",
            json!({"type": "integer", "minimum": 0, "maximum": 1_000_000_000, "default": 0}),
        ),
    ];
    let own = listing.parameters().iter().map(|parameter| {
        let about = format!("Order Desk's parameter: {}.", parameter.rule());
        query(
            parameter.name,
            &about,
            json!({"type": "string", "pattern": parameter.pattern()}),
        )
    });
    paging.into_iter().chain(own).collect()
}

/// The parameters that may be referred to.
pub(super) fn components() -> Map<String, Value> {
    let mut all = Map::new();
    let mut add = |place: &str, name: &str, about: &str, schema: Value, example: Value| {
        let mut parameter = json!({
            "name": name, "in": place, "description": about, "required": place == "path", "schema": schema,
        });
        if !example.is_null() {
            parameter["example"] = example;
        }
        all.insert(name.to_owned(), parameter);
    };
    let digits = || json!({"type": "string", "pattern": "^[0-9]{1,20}$"});
    let uuid = || json!({"type": "string", "format": "uuid"});
    let text = "A text without a slash";
    for (name, about, schema, example) in [
        (
            "store_id",
            "The store: Order Desk's store id, our id of the registration, or a label that is unique within the tenant.",
            json!({"type": "string", "minLength": 1, "maxLength": 200}),
            json!("101"),
        ),
        (
            "order_id",
            "Order Desk's id of the order: digits only.",
            digits(),
            json!("4312"),
        ),
        (
            "item_id",
            "Order Desk's id of the inventory item: digits only.",
            digits(),
            json!("5001"),
        ),
        ("job_id", "The id of the job.", uuid(), json!(UUID)),
        ("key_id", "The id of the master key.", uuid(), json!(UUID)),
        (
            "endpoint_id",
            "The id of the webhook endpoint.",
            uuid(),
            json!(UUID),
        ),
        (
            "delivery_id",
            "The id of the delivery: its `webhook-id`.",
            uuid(),
            json!(UUID),
        ),
        ("tenant_id", "The id of the tenant.", uuid(), json!(UUID)),
        (
            "code",
            "The code of a problem.",
            json!({"$ref": "#/components/schemas/ProblemCode"}),
            json!("order_not_found"),
        ),
        (
            "name",
            text,
            json!({"type": "string", "minLength": 1}),
            Value::Null,
        ),
    ] {
        add("path", name, about, schema, example);
    }
    for (name, about, schema, example) in [
        (
            "limit",
            "At most this many entries.",
            json!({"type": "integer", "minimum": 1, "maximum": 500, "default": 50}),
            json!(50),
        ),
        (
            "cursor",
            "What `next_cursor` or the `Link` header of the page before gave, unchanged.",
            json!({"type": "string", "pattern": "^[A-Za-z0-9_-]+$"}),
            Value::Null,
        ),
        (
            "dry_run",
            "`true`: only show what would change; nothing is queued.",
            json!({"type": "boolean", "default": false}),
            Value::Null,
        ),
        (
            "priority",
            "Which of the store's waiting jobs goes first.",
            json!({"allOf": [{"$ref": "#/components/schemas/Priority"}], "default": "normal"}),
            Value::Null,
        ),
        (
            "run_at",
            "Not before this time, at most a year ahead; the past means now.",
            json!({"type": "string", "format": "date-time"}),
            Value::Null,
        ),
        (
            "callback_url",
            "Where the end of the job is reported; needs a callback secret.",
            json!({"type": "string", "format": "uri"}),
            Value::Null,
        ),
        (
            "guard",
            "`strict`: the order is read again directly before the update, which costs one token more.",
            json!({"type": "string", "enum": ["strict"]}),
            Value::Null,
        ),
    ] {
        add("query", name, about, schema, example);
    }
    for (name, about, schema, example) in [
        (
            "Idempotency-Key",
            "Names the request, so that a repeat within 24 hours gets the first one's answer and changes nothing.",
            json!({"type": "string", "pattern": "^[!#-~]([ -~]{0,253}[!-~])?$"}),
            Value::Null,
        ),
        (
            "If-Match",
            "The tag that the order must carry when the job's turn comes, or `*`.",
            json!({"type": "string", "anyOf": [{"const": "*"}, {"pattern": "^\"[!#-~]*\"(, *\"[!#-~]*\")*$"}]}),
            json!("*"),
        ),
        (
            "If-None-Match",
            "The tags that the client knows; the answer is `304` if one of them is the order's.",
            json!({"type": "string", "pattern": "^[ -~]*$"}),
            Value::Null,
        ),
        (
            "Last-Event-ID",
            "The `id` of the last event that the client has seen; the stream goes on behind it.",
            json!({"type": "string", "pattern": "^[0-9]{0,18}$"}),
            Value::Null,
        ),
        (
            "Prefer",
            "`wait=N` holds the answer until the job ends, at most N (60) seconds; `respond-async` does not (RFC 7240).",
            json!({"type": "string"}),
            json!("wait=30"),
        ),
        (
            "Cache-Control",
            "`no-cache` reads from Order Desk whatever is kept here.",
            json!({"type": "string"}),
            json!("no-cache"),
        ),
    ] {
        add("header", name, about, schema, example);
    }
    all
}

/// The parameters of an operation: those of its path and the idempotency key are added, known ones referred to.
pub(super) fn complete(path: &str, changes: bool, given: Value) -> Vec<Value> {
    let known = components();
    let given: Vec<Value> = given.as_array().cloned().unwrap_or_default();
    let of_path = path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    let mut names: Vec<&str> = of_path.collect();
    if changes {
        names.push("Idempotency-Key");
    }
    let mut parameters: Vec<Value> = Vec::new();
    for name in names {
        if !given.iter().any(|one| one["name"] == name) {
            parameters.push(refer(name));
        }
    }
    for one in given {
        let name = one["name"].as_str().unwrap_or_default();
        // Only those that were named without a description of their own.
        let shared = known.contains_key(name) && one.get("description").is_none();
        parameters.push(if shared { refer(name) } else { one });
    }
    parameters
}

/// The name of a parameter or of the one it refers to.
pub(super) fn name(parameter: &Value) -> String {
    let reference = parameter["$ref"]
        .as_str()
        .and_then(|text| text.rsplit('/').next());
    reference
        .or(parameter["name"].as_str())
        .unwrap_or_default()
        .to_owned()
}

fn refer(name: &str) -> Value {
    json!({"$ref": format!("#/components/parameters/{name}")})
}
