//! Bounds on what a command may ask for, so that no input costs more than its size suggests.

use serde_json::Value;

/// Most operations in one `order.mutate`, most items in one `order.add_items`.
pub const MAX_OPERATIONS: usize = 1000;
/// Deepest nesting of arrays and objects in an input or an order.
pub const MAX_DEPTH: usize = 64;
/// Most JSON values that one list of operations may add, copy, move, test or remove.
pub const MAX_WORK: usize = 2_000_000;

/// Whether `value` nests no deeper than `depth` arrays and objects.
pub fn is_within_depth(value: &Value, depth: usize) -> bool {
    measure(value, depth, usize::MAX).is_some()
}

/// Number of JSON values in `value`, or `None` if it is deeper than `depth` or larger than `size`.
pub(super) fn measure(value: &Value, depth: usize, size: usize) -> Option<usize> {
    let mut left = size.checked_sub(1)?;
    let mut visit = |child: &Value| -> Option<()> {
        left -= measure(child, depth.checked_sub(1)?, left)?;
        Some(())
    };
    match value {
        Value::Array(list) => {
            depth.checked_sub(1)?;
            list.iter().try_for_each(&mut visit)?;
        }
        Value::Object(map) => {
            depth.checked_sub(1)?;
            map.values().try_for_each(&mut visit)?;
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    Some(size - left)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn depth_counts_arrays_and_objects() {
        assert!(is_within_depth(&json!(1), 0));
        assert!(!is_within_depth(&json!([]), 0));
        assert!(is_within_depth(&json!({"a": [1]}), 2));
        assert!(!is_within_depth(&json!({"a": [[1]]}), 2));
    }

    #[test]
    fn size_counts_every_value() {
        assert_eq!(measure(&json!({"a": [1, 2]}), 9, 100), Some(4));
        assert_eq!(measure(&json!({"a": [1, 2]}), 9, 3), None);
    }
}
