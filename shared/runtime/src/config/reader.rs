//! Reads variables one by one, remembering each and going on after a bad one.

use std::cell::RefCell;

use secrecy::SecretString;

use super::error::ConfigError;
use super::setting::{Kind, Setting};
use super::source::{Given, Origin, Source};

/// What has been read so far. A bad value is kept as an error, and the default stands in for it.
pub(super) struct Reader<'a> {
    source: &'a Source,
    settings: RefCell<Vec<Setting>>,
    errors: RefCell<Vec<ConfigError>>,
}

impl<'a> Reader<'a> {
    pub(super) fn of(source: &'a Source) -> Self {
        Self {
            source,
            settings: RefCell::default(),
            errors: RefCell::default(),
        }
    }

    /// Every variable that was asked for, and every error.
    pub(super) fn finish(self) -> (Vec<Setting>, Vec<ConfigError>) {
        (self.settings.into_inner(), self.errors.into_inner())
    }

    /// A variable with a default.
    ///
    /// # Panics
    /// If the default itself is not accepted, as each test that reads a configuration would notice.
    pub(super) fn value<T>(
        &self,
        name: &'static str,
        default: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> T {
        let given = self.source.get(name);
        self.remember(name, Some(default), Kind::Plain, given.as_ref());
        self.parsed(given, &parse, |text, accepted| {
            ConfigError::bad(name, text, accepted)
        })
        .unwrap_or_else(|| parse(default).expect("a default is accepted"))
    }

    /// A variable that need not be set.
    pub(super) fn optional<T>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let given = self.source.get(name);
        self.remember(name, None, Kind::Plain, given.as_ref());
        self.parsed(given, parse, |text, accepted| {
            ConfigError::bad(name, text, accepted)
        })
    }

    /// A value that may carry a password: read from `NAME_FILE` too, and shown only without `@`.
    ///
    /// # Panics
    /// As [`Reader::value`].
    pub(super) fn masked<T>(
        &self,
        name: &'static str,
        default: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> T {
        let given = self.given_or_file(name);
        self.remember(name, Some(default), Kind::Masked, given.as_ref());
        self.parsed(given, &parse, |text, accepted| {
            if text.contains('@') {
                ConfigError::hidden(name, accepted)
            } else {
                ConfigError::bad(name, text, accepted)
            }
        })
        .unwrap_or_else(|| parse(default).expect("a default is accepted"))
    }

    /// A secret that need not be set: read from `NAME_FILE` too, never shown.
    pub(super) fn secret(
        &self,
        name: &'static str,
        check: impl Fn(&str) -> Result<(), String>,
    ) -> Option<SecretString> {
        let given = self.given_or_file(name);
        self.remember(name, None, Kind::Secret, given.as_ref());
        let parse = |text: &str| check(text).map(|()| SecretString::from(text));
        self.parsed(given, parse, |_, accepted| ConfigError::hidden(name, accepted))
    }

    /// A secret without which nothing starts; `accepted` is told when it is not set.
    pub(super) fn required(
        &self,
        name: &'static str,
        accepted: &str,
        check: impl Fn(&str) -> Result<(), String>,
    ) -> SecretString {
        let errors = self.errors.borrow().len();
        let secret = self.secret(name, check);
        if let Some(setting) = self.settings.borrow_mut().last_mut() {
            setting.required = true;
        }
        let told = self.errors.borrow().len() > errors;
        secret.unwrap_or_else(|| {
            if !told {
                self.errors
                    .borrow_mut()
                    .push(ConfigError::missing(name, accepted));
            }
            SecretString::default()
        })
    }

    fn given_or_file(&self, name: &str) -> Option<Given> {
        let given = self.source.get_or_file(name);
        given.unwrap_or_else(|error| {
            self.errors.borrow_mut().push(error);
            None
        })
    }

    fn parsed<T>(
        &self,
        given: Option<Given>,
        parse: impl Fn(&str) -> Result<T, String>,
        bad: impl Fn(&str, &str) -> ConfigError,
    ) -> Option<T> {
        let (_, text) = given?;
        parse(&text)
            .map_err(|accepted| self.errors.borrow_mut().push(bad(&text, &accepted)))
            .ok()
    }

    fn remember(&self, name: &'static str, default: Option<&'static str>, kind: Kind, given: Option<&Given>) {
        self.settings.borrow_mut().push(Setting {
            name,
            default,
            kind,
            required: false,
            origin: given.map_or(Origin::Default, |(origin, _)| *origin),
            shown: given.and_then(|(_, text)| kind.show(text)),
        });
    }
}
