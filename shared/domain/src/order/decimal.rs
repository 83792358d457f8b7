//! Decimal numbers as text, so that `10`, `10.0` and `"10.00"` compare equal without floating point.

use serde_json::Number;

/// Longest run of digits that is still taken for a number.
const MAX_DIGITS: usize = 40;
/// Largest exponent that is still taken for a number; every finite `f64` is within it.
const MAX_EXPONENT: i64 = 400;

/// The shortest plain spelling of a decimal text, or `None` if it is no number.
///
/// Idempotent: what comes out goes in unchanged. Zero has no sign.
pub(super) fn normalise(text: &str) -> Option<String> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], unsigned[at + 1..].parse::<i32>().ok()?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all: String = [whole, fraction].concat();
    if all.is_empty() || !all.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let digits = all.trim_start_matches('0');
    if digits.is_empty() {
        return Some("0".to_owned());
    }
    let significant = digits.trim_end_matches('0');
    let zeros = i64::try_from(digits.len() - significant.len()).ok()?;
    let exponent = i64::from(exponent) - i64::try_from(fraction.len()).ok()? + zeros;
    if significant.len() > MAX_DIGITS || exponent.abs() > MAX_EXPONENT {
        return None;
    }
    let sign = if negative { "-" } else { "" };
    Some(format!("{sign}{}", plain(significant, exponent)))
}

/// `digits` × 10^`exponent`, written out when that is short.
fn plain(digits: &str, exponent: i64) -> String {
    let shift = usize::try_from(exponent.unsigned_abs()).unwrap_or(usize::MAX);
    if shift > MAX_DIGITS {
        return format!("{digits}e{exponent}");
    }
    if exponent >= 0 {
        return format!("{digits}{}", "0".repeat(shift));
    }
    match digits.len().checked_sub(shift) {
        Some(0) | None => format!("0.{}{digits}", "0".repeat(shift - digits.len())),
        Some(point) => format!("{}.{}", &digits[..point], &digits[point..]),
    }
}

/// The shortest plain spelling of a JSON number.
pub(super) fn of_number(number: &Number) -> String {
    let text = number.to_string();
    normalise(&text).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_one_number_become_one() {
        for text in ["10", "10.0", "10.00", "+10", "1e1", "010", "100e-1"] {
            assert_eq!(normalise(text).as_deref(), Some("10"), "{text}");
        }
        assert_eq!(normalise("-1.70").as_deref(), Some("-1.7"));
        assert_eq!(normalise(".05").as_deref(), Some("0.05"));
        assert_eq!(normalise("-0.0").as_deref(), Some("0"));
        assert_eq!(normalise("1e300").as_deref(), Some("1e300"));
    }

    #[test]
    fn other_texts_are_no_numbers() {
        for text in [
            "", "-", ".", "1 ", "1,000", "0x10", "1e", "1e999999", "NaN", "٣", "--1", "1.2.3",
        ] {
            assert_eq!(normalise(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(text in "[-+]?[0-9]{0,45}(\\.[0-9]{0,45})?([eE][-+]?[0-9]{1,3})?") {
            if let Some(once) = normalise(&text) {
                prop_assert_eq!(normalise(&once), Some(once.clone()));
            }
        }

        #[test]
        fn a_float_keeps_its_value(value in any::<f64>().prop_filter("finite", |v| v.is_finite())) {
            let text = of_number(&Number::from_f64(value).unwrap());
            prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), (value + 0.0).to_bits());
        }
    }
}
