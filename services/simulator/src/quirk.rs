//! Deviations from the documented behaviour that real stores may show, all off by default.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Switches for each deviation; changeable while the simulator runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// Empty maps (`checkout_data`, `order_metadata`, `variation_list`, `metadata`) come out as `[]`.
    pub empty_maps_as_lists: bool,
    /// Numbers inside orders, items and shipments come out as strings.
    pub numeric_strings: bool,
    /// Answers escape `/` as `\/` and write all other than ASCII as `\uXXXX`.
    pub escaped_text: bool,
    /// Ten-digit phone numbers are stored as `(555) 123-4567`.
    pub phone_format: bool,
    /// `GET /store` lists the folders as objects instead of a map.
    pub folders_as_list: bool,
    /// The answer of a PUT of an order carries only a message.
    pub put_answer_without_order: bool,
    /// Every PUT of an order gives all its items new ids.
    pub renewed_item_ids: bool,
    /// `folder_id` in a PUT moves the order.
    pub put_honours_folder: bool,
    /// A PUT without items is refused with 400 instead of removing all items.
    pub refuse_empty_items: bool,
    /// A PUT adds notes that are not there yet and keeps the old ones, instead of replacing the list.
    pub put_appends_notes: bool,
    /// Fields of an order that the API does not know are stored when a client sends them.
    pub store_unknown_fields: bool,
    /// What the merchant's own rules do after an event.
    pub rules: Vec<Rule>,
}

/// A merchant's rule: what happens to an order after an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The event that runs it.
    pub on: Trigger,
    /// What it does.
    pub action: RuleAction,
}

/// An event that runs rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// An order was written whole.
    Put,
    /// An order changed its folder.
    Move,
    /// An order was created by the API.
    Create,
}

/// What a rule does to the order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RuleAction {
    /// Sets `tag_name` and `tag_color`.
    Tag {
        /// The tag's name.
        name: String,
        /// The tag's colour.
        color: String,
    },
    /// Appends a note.
    Note {
        /// The note's author.
        username: String,
        /// The note's text.
        content: String,
    },
}

impl Quirks {
    /// Runs the rules of `trigger` on a stored order.
    pub(crate) fn run_rules(&self, trigger: Trigger, order: &mut Map<String, Value>, stamp: &str) {
        for rule in self.rules.iter().filter(|rule| rule.on == trigger) {
            match &rule.action {
                RuleAction::Tag { name, color } => {
                    order.insert("tag_name".into(), json!(name));
                    order.insert("tag_color".into(), json!(color));
                }
                RuleAction::Note { username, content } => {
                    append_note(order, username, content, stamp);
                }
            }
        }
    }

    /// Changes an answer's payload the way this store would print it.
    pub(crate) fn disguise(&self, key: &str, payload: &mut Value) {
        if self.empty_maps_as_lists {
            empty_maps_to_lists(payload);
        }
        let is_record = key.starts_with("order") || key.starts_with("shipment");
        if self.numeric_strings && is_record {
            numbers_to_strings(payload);
        }
    }
}

/// Appends a note to a stored order.
pub(crate) fn append_note(order: &mut Map<String, Value>, username: &str, content: &str, stamp: &str) {
    let note = json!({"date_added": stamp, "username": username, "content": content});
    match order.get_mut("order_notes").and_then(Value::as_array_mut) {
        Some(notes) => notes.push(note),
        None => {
            order.insert("order_notes".into(), json!([note]));
        }
    }
}

const MAPS: [&str; 4] = ["checkout_data", "order_metadata", "variation_list", "metadata"];

fn empty_maps_to_lists(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, child) in map {
                if MAPS.contains(&key.as_str()) && child.as_object().is_some_and(Map::is_empty) {
                    *child = json!([]);
                } else {
                    empty_maps_to_lists(child);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(empty_maps_to_lists),
        _ => {}
    }
}

fn numbers_to_strings(value: &mut Value) {
    match value {
        Value::Number(number) => *value = Value::String(number.to_string()),
        Value::Object(map) => map.values_mut().for_each(numbers_to_strings),
        Value::Array(list) => list.iter_mut().for_each(numbers_to_strings),
        _ => {}
    }
}

/// A ten-digit number, with or without the leading 1, in the style of a store in the United States.
pub(crate) fn format_phone(phone: &str) -> String {
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    let digits = digits
        .strip_prefix('1')
        .filter(|rest| rest.len() == 10)
        .unwrap_or(&digits);
    if digits.len() == 10 {
        format!("({}) {}-{}", &digits[..3], &digits[3..6], &digits[6..])
    } else {
        phone.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ten_digit_phones_are_reformatted() {
        assert_eq!(format_phone("555-123.4567"), "(555) 123-4567");
        assert_eq!(format_phone("+1 555 123 4567"), "(555) 123-4567");
        assert_eq!(format_phone("+49 30 1234567"), "+49 30 1234567");
    }

    #[test]
    fn payloads_are_disguised_by_the_switches_that_are_on() {
        let mut order = json!({"order_metadata": {}, "order_total": 10.5, "shipping": {}, "order_items": [{"metadata": {}, "quantity": 2}]});
        Quirks::default().disguise("order", &mut order);
        assert_eq!(order["order_total"], 10.5);
        let quirks = Quirks {
            empty_maps_as_lists: true,
            numeric_strings: true,
            ..Quirks::default()
        };
        quirks.disguise("order", &mut order);
        assert_eq!(
            order,
            json!({"order_metadata": [], "order_total": "10.5", "shipping": {}, "order_items": [{"metadata": [], "quantity": "2"}]})
        );
    }
}
