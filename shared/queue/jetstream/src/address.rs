//! The broker's address: taken apart, so that no password stays in what the client library may log.

use async_nats::{ConnectOptions, ServerAddr};
use percent_encoding::percent_decode_str;

use crate::ConnectError;

/// Where the servers are, and who we are to them.
pub(crate) struct Address {
    /// Without credentials.
    pub(crate) servers: Vec<ServerAddr>,
    credentials: Option<Credentials>,
}

/// One for all servers, since a client presents one.
#[derive(PartialEq, Eq)]
enum Credentials {
    User { name: String, password: String },
    Token(String),
}

impl Address {
    /// Parses `nats://HOST:PORT`, with `USER:PASSWORD@` or `TOKEN@` before the host if need be, `tls://` for TLS
    /// from the start, several separated by commas.
    pub(crate) fn parse(text: &str) -> Result<Self, ConnectError> {
        let mut servers = Vec::new();
        let mut credentials = None;
        for part in text.split(',').map(str::trim) {
            let (server, own) = parse_one(part)?;
            servers.push(server);
            if let Some(own) = own {
                if credentials.as_ref().is_some_and(|known| *known != own) {
                    return Err(wrong("has different credentials for different servers"));
                }
                credentials = Some(own);
            }
        }
        Ok(Self { servers, credentials })
    }

    /// Options that present the credentials.
    pub(crate) fn authenticate(&self, options: ConnectOptions) -> ConnectOptions {
        match &self.credentials {
            Some(Credentials::User { name, password }) => {
                options.user_and_password(name.clone(), password.clone())
            }
            Some(Credentials::Token(token)) => options.token(token.clone()),
            None => options,
        }
    }
}

fn parse_one(text: &str) -> Result<(ServerAddr, Option<Credentials>), ConnectError> {
    if text.is_empty() {
        return Err(wrong("is empty or has an empty part"));
    }
    let server: ServerAddr = text
        .parse()
        .map_err(|_| wrong("is not of the form nats://HOST:PORT"))?;
    let mut url = server.into_inner();
    if !matches!(url.scheme(), "nats" | "tls") {
        return Err(wrong("must begin with nats:// or tls://"));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(wrong("names no host"));
    }
    let credentials = match (decoded(url.username())?, url.password().map(decoded).transpose()?) {
        (name, Some(password)) => Some(Credentials::User { name, password }),
        (token, None) if !token.is_empty() => Some(Credentials::Token(token)),
        (_, None) => None,
    };
    let stripped = url.set_username("").and_then(|()| url.set_password(None));
    stripped.map_err(|()| wrong("names no host"))?;
    let server = ServerAddr::from_url(url).map_err(|_| wrong("must begin with nats:// or tls://"))?;
    Ok((server, credentials))
}

fn decoded(text: &str) -> Result<String, ConnectError> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded
        .map(String::from)
        .map_err(|_| wrong("has credentials that are not UTF-8"))
}

fn wrong(reason: &'static str) -> ConnectError {
    ConnectError::Address { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(text: &str) -> Option<(String, Option<String>)> {
        Address::parse(text)
            .unwrap()
            .credentials
            .map(|credentials| match credentials {
                Credentials::User { name, password } => (name, Some(password)),
                Credentials::Token(token) => (token, None),
            })
    }

    #[test]
    fn servers_are_separated_by_commas_and_have_a_default_port() {
        let address = Address::parse("nats://a.example:4333, tls://b.example").unwrap();
        let servers: Vec<_> = address
            .servers
            .iter()
            .map(|server| (server.host(), server.port()))
            .collect();
        assert_eq!(servers, [("a.example", 4333), ("b.example", 4222)]);
        assert_eq!(credentials("127.0.0.1:4222"), None);
    }

    #[test]
    fn credentials_are_decoded_and_leave_the_address() {
        let address = Address::parse("nats://us%40er:p%3Ass@a,nats://us%40er:p%3Ass@b,nats://c").unwrap();
        for server in &address.servers {
            let shown = format!("{server:?}");
            assert!(!shown.contains("%40") && !shown.contains("%3A"), "{shown}");
        }
        assert_eq!(
            credentials("nats://us%40er:p%3Ass@a"),
            Some(("us@er".to_owned(), Some("p:ss".to_owned())))
        );
        assert_eq!(credentials("nats://s3cret@a"), Some(("s3cret".to_owned(), None)));
    }

    #[test]
    fn a_wrong_address_is_refused_without_being_quoted() {
        for bad in [
            "",
            "nats://hunter2@a,",
            "http://hunter2@a",
            "ws://hunter2@a",
            "nats://hunter2@",
            "nats://u:hunter2@a:port",
            "nats://u:hunter2@a,nats://u:hunter3@b",
            "nats://%ff:hunter2@a",
        ] {
            let Err(error) = Address::parse(bad) else {
                panic!("{bad:?} was accepted")
            };
            assert!(!format!("{error} {error:?}").contains("hunter"), "{error:?}");
        }
    }
}
