//! Reading JSON the way a PHP program does: a number may be text and an empty map a list.

use serde_json::{Map, Number, Value, json};

/// A JSON object.
pub(crate) type Object = Map<String, Value>;

/// A scalar as text; everything else is blank.
pub(crate) fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Bool(true)) => "1".into(),
        _ => String::new(),
    }
}

/// A scalar as a number; what is no number is zero.
pub(crate) fn number(value: Option<&Value>) -> f64 {
    match value {
        Some(Value::Number(number)) => number.as_f64().unwrap_or(0.0),
        Some(Value::String(text)) => text
            .trim()
            .parse::<f64>()
            .ok()
            .filter(|number| number.is_finite())
            .unwrap_or(0.0),
        Some(Value::Bool(true)) => 1.0,
        _ => 0.0,
    }
}

/// A number as the service prints it: whole amounts without a fraction.
pub(crate) fn amount(number: f64) -> Value {
    let rounded = (number * 10_000.0).round() / 10_000.0;
    if rounded.fract() == 0.0 && rounded.abs() < 9e15 {
        json!(rounded as i64)
    } else {
        Number::from_f64(rounded).map_or_else(|| json!(0), Value::Number)
    }
}

/// A sum of money, rounded to cents.
pub(crate) fn cents(number: f64) -> Value {
    amount((number * 100.0).round() / 100.0)
}

/// A map; an empty list, or anything else, is an empty map.
pub(crate) fn map(value: Option<&Value>) -> Value {
    match value {
        Some(Value::Object(map)) => Value::Object(map.clone()),
        _ => json!({}),
    }
}

/// A list, empty if the value is none.
pub(crate) fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// An id as text: `7`, `"7"`.
pub(crate) fn id(value: Option<&Value>) -> Option<String> {
    Some(text(value)).filter(|id| !id.is_empty() && id != "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_amounts_have_no_fraction() {
        assert_eq!(amount(10.0).to_string(), "10");
        assert_eq!(amount(10.5).to_string(), "10.5");
        assert_eq!(cents(0.1 + 0.2).to_string(), "0.3");
    }

    #[test]
    fn numbers_may_be_text() {
        assert!((number(Some(&json!("1.70"))) - 1.7).abs() < f64::EPSILON);
        assert_eq!(text(Some(&json!(12))), "12");
        assert_eq!(map(Some(&json!([]))), json!({}));
        assert_eq!(id(Some(&json!(7))).as_deref(), Some("7"));
    }
}
