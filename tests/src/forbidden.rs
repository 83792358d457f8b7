//! Looking for secrets and personal data where they must not be.

use std::path::Path;

/// Texts that must not be found in plain.
#[derive(Clone, Default)]
pub struct Forbidden {
    texts: Vec<(String, String)>,
}

impl Forbidden {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text; `name` is what a failure calls it.
    ///
    /// # Panics
    /// If the text is so short that it would be found by chance.
    #[must_use]
    pub fn text(mut self, name: &str, text: &str) -> Self {
        assert!(text.len() >= 8, "{name} is too short to be looked for");
        self.texts.push((name.to_owned(), text.to_owned()));
        self
    }

    /// Looks through bytes.
    ///
    /// # Panics
    /// If one of the texts is there.
    #[track_caller]
    pub fn absent_in(&self, place: &str, bytes: &[u8]) {
        for (name, text) in &self.texts {
            let at = bytes
                .windows(text.len())
                .position(|window| window == text.as_bytes());
            if let Some(at) = at {
                let around = &bytes[at.saturating_sub(60)..(at + text.len() + 60).min(bytes.len())];
                panic!("{name} is in {place}: {}", String::from_utf8_lossy(around));
            }
        }
    }

    /// Looks through every file below a folder, and returns how many bytes there were.
    ///
    /// # Panics
    /// If one of the texts is there, or a file cannot be read.
    #[track_caller]
    pub fn absent_below(&self, folder: &Path) -> usize {
        let mut total = 0;
        for entry in std::fs::read_dir(folder).expect("the folder can be read") {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() {
                total += self.absent_below(&path);
            } else {
                let bytes = std::fs::read(&path).expect("the file can be read");
                self.absent_in(&path.display().to_string(), &bytes);
                total += bytes.len();
            }
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "the key is in file: before supersecret after")]
    fn a_forbidden_text_is_found_and_named() {
        Forbidden::new()
            .text("the key", "supersecret")
            .absent_in("file", b"before supersecret after");
    }
}
