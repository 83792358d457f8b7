//! Panics as log lines.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;

/// Logs every panic from now on, instead of writing it to standard error.
pub(super) fn install() {
    std::panic::set_hook(Box::new(|panic| {
        let backtrace = Backtrace::capture();
        let shown = backtrace.status() == BacktraceStatus::Captured;
        tracing::error!(
            location = panic.location().map(tracing::field::display),
            thread = std::thread::current().name(),
            backtrace = shown.then(|| tracing::field::display(&backtrace)),
            "panicked: {}",
            gist(message(panic))
        );
    }));
}

fn message<'a>(panic: &'a PanicHookInfo<'_>) -> &'a str {
    panic.payload_as_str().unwrap_or_default()
}

/// What is sure to be our own text. What follows a colon, a quote or a bracket may be data: a value that could not be
/// unwrapped, or the text that was to be cut.
fn gist(message: &str) -> &str {
    let end = message.find([':', ';', '`', '"', '\'', '(', '[', '{', '\n']);
    message[..end.unwrap_or(message.len())].trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Address;

    impl std::str::FromStr for Address {
        type Err = String;

        fn from_str(text: &str) -> Result<Self, String> {
            if text.contains('@') {
                Err(text.to_owned())
            } else {
                Ok(Self)
            }
        }
    }

    #[test]
    fn a_value_that_a_panic_shows_is_left_out() {
        let secret = std::panic::catch_unwind(|| {
            let wrong = "jane@example.com".parse::<Address>();
            wrong.expect("the address is good");
        });
        let payload = secret.unwrap_err().downcast::<String>().unwrap();
        assert!(payload.contains("jane@"));
        assert_eq!(gist(&payload), "the address is good");

        let cut = std::panic::catch_unwind(|| "Jürgen Müller"[..2].len());
        let payload = cut.unwrap_err().downcast::<String>().unwrap();
        assert!(payload.contains("Müller"), "{payload}");
        assert!(!gist(&payload).contains('M'), "{}", gist(&payload));
    }
}
