//! What a list can be searched by: Order Desk's own parameters, each with the rule that its values must keep.
//!
//! A parameter that Order Desk does not know matches everything there, so nothing passes that is not in these tables.

use domain::Timestamp;
use url::form_urlencoded::Serializer;

/// Which list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Listing {
    /// Orders.
    Orders,
    /// Inventory items.
    Inventory,
}

/// A search parameter.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name, here and at Order Desk.
    pub name: &'static str,
    rule: Rule,
}

#[derive(Clone, Copy, Debug)]
enum Rule {
    Text,
    Folders,
    Column,
    Direction,
    Utc,
    Local,
}

const fn parameter(name: &'static str, rule: Rule) -> Parameter {
    Parameter { name, rule }
}

const ORDERS: &[Parameter] = &[
    parameter("order_by", Rule::Column),
    parameter("order", Rule::Direction),
    parameter("folder_id", Rule::Folders),
    parameter("folder_name", Rule::Text),
    parameter("source_id", Rule::Text),
    parameter("source_name", Rule::Text),
    parameter("email", Rule::Text),
    parameter("customer_id", Rule::Text),
    parameter("customer_first_name", Rule::Text),
    parameter("customer_last_name", Rule::Text),
    parameter("customer_company", Rule::Text),
    parameter("customer_phone", Rule::Text),
    parameter("shipping_first_name", Rule::Text),
    parameter("shipping_last_name", Rule::Text),
    parameter("shipping_company", Rule::Text),
    parameter("shipping_phone", Rule::Text),
    parameter("search_start_date", Rule::Utc),
    parameter("search_end_date", Rule::Utc),
    parameter("search_start_date_local", Rule::Local),
    parameter("search_end_date_local", Rule::Local),
    parameter("modified_start_date", Rule::Utc),
    parameter("modified_end_date", Rule::Utc),
];

const INVENTORY: &[Parameter] = &[parameter("search", Rule::Text), parameter("code", Rule::Text)];

impl Listing {
    /// What it can be searched by, `limit` and `offset` apart.
    pub fn parameters(self) -> &'static [Parameter] {
        match self {
            Self::Orders => ORDERS,
            Self::Inventory => INVENTORY,
        }
    }

    /// The member that holds the rows, here and at Order Desk.
    pub fn member(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::Inventory => "inventory_items",
        }
    }
}

/// What [`Rule::Text`] takes: nothing but spaces around, no control characters.
pub(super) const TEXT: &str = r"^[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]{0,254}$";

macro_rules! date {
    () => {
        "((19[7-9][0-9]|[2-8][0-9]{3})-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)\
         |02-(0[1-9]|1[0-9]|2[0-8]))|[2-8][0-9](0[48]|[2468][048]|[13579][26])-02-29)"
    };
}
macro_rules! time {
    () => {
        "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    };
}

/// The most folders of one search.
const MOST_FOLDERS: usize = 100;

impl Parameter {
    /// What its values must be, as a fragment of a sentence.
    pub fn rule(&self) -> &'static str {
        match self.rule {
            Rule::Text => "must be a text of 1 to 255 characters without control characters",
            Rule::Folders => "must be folder ids, digits with commas between them",
            Rule::Column => "must be the name of an order field such as date_updated",
            Rule::Direction => "must be asc or desc",
            Rule::Utc => {
                "must be a date such as 2026-01-31, with a time such as 2026-01-31 12:00:00 (UTC) or 2026-01-31T12:00:00Z"
            }
            Rule::Local => {
                "must be a date such as 2026-01-31 or 2026-01-31 12:00:00, in the store's time zone and without a zone"
            }
        }
    }

    /// The same as a regular expression (ECMA-262); the calendar apart, what it matches passes.
    pub fn pattern(&self) -> &'static str {
        match self.rule {
            Rule::Text => TEXT,
            Rule::Folders => "^[0-9]{1,20}(, *[0-9]{1,20}){0,99}$",
            Rule::Column => "^[a-z0-9_]{1,64}$",
            Rule::Direction => "^(asc|desc)$",
            Rule::Utc => concat!(
                "^",
                date!(),
                "([ T]",
                time!(),
                "|T",
                time!(),
                "(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9]))?$"
            ),
            Rule::Local => concat!("^", date!(), "([ T]", time!(), ")?$"),
        }
    }

    /// The value as Order Desk takes it; none if the rule is not kept.
    pub fn read(&self, text: &str) -> Option<String> {
        match self.rule {
            Rule::Text => read_text(text),
            Rule::Folders => folders(text),
            Rule::Column => {
                let is_name = (1..=64).contains(&text.len())
                    && text
                        .bytes()
                        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
                is_name.then(|| text.to_owned())
            }
            Rule::Direction => matches!(text, "asc" | "desc").then(|| text.to_owned()),
            Rule::Utc => without_zone(text).or_else(|| with_zone(text)),
            Rule::Local => without_zone(text),
        }
    }
}

/// A text to be found; a blank one would match everything.
pub(super) fn read_text(text: &str) -> Option<String> {
    let text = text.trim();
    let fits = (1..=255).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}

fn folders(text: &str) -> Option<String> {
    let ids: Vec<&str> = text.split(',').map(str::trim).collect();
    let is_id = |id: &&str| (1..=20).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit());
    (ids.len() <= MOST_FOLDERS && ids.iter().all(is_id)).then(|| ids.join(","))
}

/// `YYYY-MM-DD`, alone or with `HH:MM:SS`.
fn without_zone(text: &str) -> Option<String> {
    let (date, time) = match text.split_once([' ', 'T']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    if date.len() != 10 || time.is_some_and(|time| time.len() != 8) {
        return None;
    }
    // The calendar knows whether there is such a day.
    let at: Timestamp = format!("{date}T{}Z", time.unwrap_or("00:00:00")).parse().ok()?;
    let shown = at.to_order_desk();
    let given = format!("{date} {}", time.unwrap_or("00:00:00"));
    (shown == given).then(|| time.map_or_else(|| date.to_owned(), |_| shown))
}

/// RFC 3339 with `Z` or an offset; whole seconds, as Order Desk has no others.
fn with_zone(text: &str) -> Option<String> {
    let at: Timestamp = text.parse().ok()?;
    (at > Timestamp::EPOCH).then(|| at.to_order_desk())
}

/// A search that keeps all rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    listing: Listing,
    limit: u32,
    offset: u64,
    /// In the order of the table, each at most once.
    filters: Vec<(&'static str, String)>,
}

impl Search {
    /// Rows of a page where the client says nothing.
    pub const DEFAULT_LIMIT: u32 = 50;
    /// Most rows of a page.
    pub const MOST_ROWS: u32 = 500;
    /// The last row that can be asked for.
    pub const MOST_OFFSET: u64 = 1_000_000_000;

    /// The page of everything that begins at `offset`.
    pub fn new(listing: Listing, limit: u32, offset: u64) -> Self {
        Self {
            listing,
            limit: limit.clamp(1, Self::MOST_ROWS),
            offset: offset.min(Self::MOST_OFFSET),
            filters: Vec::new(),
        }
    }

    /// Narrows the search; `value` is one that [`Parameter::read`] has passed. Filters combine with AND.
    #[must_use]
    pub fn with(mut self, parameter: &Parameter, value: String) -> Self {
        let place = |name: &str| {
            self.listing
                .parameters()
                .iter()
                .position(|known| known.name == name)
        };
        let (name, at) = (parameter.name, place(parameter.name));
        self.filters.retain(|(known, _)| *known != name);
        let index = self.filters.partition_point(|(known, _)| place(known) < at);
        self.filters.insert(index, (name, value));
        self
    }

    /// The same search from another row on.
    pub(super) fn at(self, offset: u64) -> Self {
        Self { offset, ..self }
    }

    /// What is searched.
    pub fn listing(&self) -> Listing {
        self.listing
    }

    pub(super) fn limit(&self) -> u32 {
        self.limit
    }

    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The parameters for Order Desk.
    pub(super) fn pairs(&self) -> Vec<(&'static str, String)> {
        let paging = [
            ("limit", self.limit.to_string()),
            ("offset", self.offset.to_string()),
        ];
        paging.into_iter().chain(self.filters.iter().cloned()).collect()
    }

    /// One text for all spellings of one search.
    pub(super) fn canonical(&self) -> String {
        let begin = self.listing.member().to_owned() + "?";
        let length = begin.len();
        Serializer::for_suffix(begin, length)
            .extend_pairs(self.pairs())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> &'static Parameter {
        ORDERS.iter().find(|known| known.name == name).unwrap()
    }

    fn read(name: &str, text: &str) -> Option<String> {
        named(name).read(text)
    }

    #[test]
    fn dates_become_those_of_order_desk() {
        for (given, sent) in [
            ("2026-01-31", "2026-01-31"),
            ("2026-01-31 12:00:00", "2026-01-31 12:00:00"),
            ("2026-01-31T12:00:00", "2026-01-31 12:00:00"),
            ("2026-01-31T12:00:00Z", "2026-01-31 12:00:00"),
            ("2026-01-31T12:00:00.9+02:00", "2026-01-31 10:00:00"),
        ] {
            assert_eq!(read("search_start_date", given).as_deref(), Some(sent), "{given}");
        }
        for bad in [
            "",
            "2026-02-30",
            "2026-13-01",
            "2026-1-1",
            "yesterday",
            "2026-01-31 12:00",
            "1700000000",
        ] {
            assert_eq!(read("modified_end_date", bad), None, "{bad}");
        }
        assert!(read("search_end_date_local", "2026-01-31 12:00:00").is_some());
        assert_eq!(
            read("search_end_date_local", "2026-01-31T12:00:00Z"),
            None,
            "it has the store's zone"
        );
    }

    #[test]
    fn values_that_would_match_everything_or_reach_beyond_are_refused() {
        assert_eq!(read("folder_id", " 1, 22 ").as_deref(), Some("1,22"));
        for (name, bad) in [
            ("folder_id", ""),
            ("folder_id", "1,,2"),
            ("folder_id", "New"),
            ("email", " "),
            ("email", "a\nb"),
            ("order", "ASC"),
            ("order_by", "date added"),
            ("order_by", ""),
        ] {
            assert_eq!(read(name, bad), None, "{name}={bad}");
        }
        assert_eq!(read("source_id", &"x".repeat(256)), None);
    }

    #[test]
    fn one_search_has_one_spelling() {
        let one = Search::new(Listing::Orders, 50, 0)
            .with(named("email"), "a@b".to_owned())
            .with(named("order"), "asc".to_owned());
        let other = Search::new(Listing::Orders, 50, 0)
            .with(named("order"), "asc".to_owned())
            .with(named("email"), "a@b".to_owned());
        assert_eq!(one, other);
        assert_eq!(one.canonical(), "orders?limit=50&offset=0&order=asc&email=a%40b");
        let inventory = Search::new(Listing::Inventory, 50, 0);
        assert_ne!(
            inventory.canonical(),
            Search::new(Listing::Orders, 50, 0).canonical()
        );
    }
}
