//! One variable, as it is in effect.

use super::source::Origin;

/// How a value may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// As it is.
    Plain,
    /// A URL that may carry a password: without user and query.
    Masked,
    /// Never.
    Secret,
}

impl Kind {
    /// Whether the value may also lie in the file that `NAME_FILE` names.
    pub fn may_be_a_file(self) -> bool {
        match self {
            Self::Plain => false,
            Self::Masked | Self::Secret => true,
        }
    }

    /// What may be shown of a value; none if nothing.
    pub(super) fn show(self, text: &str) -> Option<String> {
        match self {
            // No variable but a masked one ought to hold a password; a URL is not trusted with that.
            Self::Plain if !text.contains("://") => Some(text.to_owned()),
            Self::Plain | Self::Masked => without_credentials(text),
            Self::Secret => None,
        }
    }
}

/// URLs without user, password, query and fragment; none if a password may hide in what cannot be understood.
fn without_credentials(text: &str) -> Option<String> {
    let bare: Option<Vec<String>> = text
        .split(',')
        .map(|part| {
            if !part.contains(['@', '?', '#']) {
                return Some(part.to_owned());
            }
            let mut url = url::Url::parse(part.trim()).ok()?;
            url.set_query(None);
            url.set_fragment(None);
            if !url.username().is_empty() || url.password().is_some() {
                url.set_username("").ok()?;
                url.set_password(None).ok()?;
            }
            Some(url.to_string())
        })
        .collect();
    bare.filter(|parts| parts.iter().all(|part| !part.contains('@')))
        .map(|parts| parts.join(","))
}

/// A variable and what is in effect.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// What counts when it is not set; none if then nothing does.
    pub default: Option<&'static str>,
    /// How it may be shown.
    pub kind: Kind,
    /// Whether nothing starts without it.
    pub required: bool,
    /// Where its value comes from.
    pub origin: Origin,
    /// The given value as it may be shown; none if it is not set, or hidden.
    pub shown: Option<String>,
}

/// `NAME=value  # where from`, with secrets hidden.
impl std::fmt::Display for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = match (&self.shown, self.origin) {
            (Some(text), _) => text,
            (None, Origin::Default) => self.default.unwrap_or_default(),
            (None, _) => "(hidden)",
        };
        let note = match (self.origin, self.default) {
            (Origin::Default, None) => "not set".to_owned(),
            (origin, _) => origin.to_string(),
        };
        write!(f, "{}={value}  # {note}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_user_password_and_query() {
        for (text, shown) in [
            ("redis://redis:6379/0", Some("redis://redis:6379/0")),
            ("redis://:s3cret@host:1/0", Some("redis://host:1/0")),
            (
                "postgres://user:s3cret@host/db?password=s3cret",
                Some("postgres://host/db"),
            ),
            ("https://host/a?token=s3cret#s3cret", Some("https://host/a")),
            ("https://a,https://user:s3cret@b", Some("https://a,https://b/")),
            ("sqlite:///data/app.db", Some("sqlite:///data/app.db")),
            ("user:s3cret@host", None),
            ("postgres://us@er:s3c@ret@[host/db", None),
        ] {
            let found = Kind::Masked.show(text);
            assert_eq!(found.as_deref(), shown, "{text}");
        }
        assert_eq!(Kind::Plain.show("120").as_deref(), Some("120"));
        assert_eq!(
            Kind::Plain.show("http://u:s3cret@h").as_deref(),
            Some("http://h/")
        );
        assert_eq!(Kind::Secret.show("s3cret"), None);
    }
}
