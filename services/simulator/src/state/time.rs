//! The service's times: UTC text with a resolution of one second, which sorts as it is.

use jiff::{Timestamp, ToSpan, civil::DateTime};

/// `YYYY-MM-DD HH:MM:SS` in UTC.
pub(crate) fn stamp(now: Timestamp) -> String {
    now.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// `YYYY-MM-DD` in UTC.
pub(crate) fn date(now: Timestamp) -> String {
    now.strftime("%Y-%m-%d").to_string()
}

/// A search bound as a stamp: the service's format, a bare date (midnight) or ISO 8601.
///
/// `offset_minutes` is the distance from UTC of a text that names no zone.
pub(crate) fn bound(text: &str, offset_minutes: i32) -> Option<String> {
    let text = text.trim();
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(stamp(instant));
    }
    let local: DateTime = text.parse().ok()?;
    let utc = local.checked_sub(i64::from(offset_minutes).minutes()).ok()?;
    Some(utc.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_read_in_every_accepted_form() {
        assert_eq!(bound("2026-03-01 10:20:30", 0).unwrap(), "2026-03-01 10:20:30");
        assert_eq!(bound("2026-03-01", 0).unwrap(), "2026-03-01 00:00:00");
        assert_eq!(bound("2026-03-01T10:20:30Z", 0).unwrap(), "2026-03-01 10:20:30");
        assert_eq!(
            bound("2026-03-01T10:20:30+02:00", 0).unwrap(),
            "2026-03-01 08:20:30"
        );
        assert_eq!(bound("2026-03-01 10:00:00", -300).unwrap(), "2026-03-01 15:00:00");
        assert!(bound("yesterday", 0).is_none());
    }
}
