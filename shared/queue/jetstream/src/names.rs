//! What subjects and streams are called.

use crate::ConnectError;

/// The names below one prefix.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    prefix: String,
}

impl Names {
    pub(crate) fn below(prefix: &str) -> Result<Self, ConnectError> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
        if (1..=32).contains(&prefix.len()) && prefix.bytes().all(allowed) {
            Ok(Self {
                prefix: prefix.to_owned(),
            })
        } else {
            Err(ConnectError::Prefix {
                prefix: prefix.to_owned(),
            })
        }
    }

    /// The stream of hints. Prefixes have no capitals, so two prefixes never share a stream.
    pub(crate) fn stream(&self) -> String {
        format!("{}_JOBS", self.prefix.to_ascii_uppercase())
    }

    /// The durable consumer of a partition's hints.
    pub(crate) fn consumer(partition: u16) -> String {
        format!("p{partition}")
    }

    pub(crate) fn all_jobs(&self) -> String {
        format!("{}.jobs.*", self.prefix)
    }

    pub(crate) fn jobs(&self, partition: u16) -> String {
        format!("{}.jobs.{partition}", self.prefix)
    }

    pub(crate) fn bus(&self) -> String {
        format!("{}.bus", self.prefix)
    }

    pub(crate) fn grant(&self, partition: u16) -> String {
        format!("{}.grant.{partition}", self.prefix)
    }

    pub(crate) fn release(&self, partition: u16) -> String {
        format!("{}.release.{partition}", self.prefix)
    }

    /// Below this each process sends something to itself now and then.
    pub(crate) fn echo(&self) -> String {
        format!("{}.echo", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_one_plain_word() {
        let names = Names::below("odg-7_b").unwrap();
        assert_eq!(
            (names.stream(), names.jobs(5)),
            ("ODG-7_B_JOBS".to_owned(), "odg-7_b.jobs.5".to_owned())
        );
        for bad in ["", "a.b", "a b", "A", "*", ">", "é", &"x".repeat(33)] {
            assert!(Names::below(bad).is_err(), "{bad:?}");
        }
    }
}
