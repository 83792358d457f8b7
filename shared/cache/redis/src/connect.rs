//! Making a connection fit for use.

use redis::{AsyncConnectionConfig, Client, RedisError};

use cache::Envelope;

use crate::keys::Names;
use crate::link::{Link, describe};
use crate::options::RedisOptions;

/// How long a token is kept that nobody raises; long beyond any entry.
pub(crate) const TOKEN_KEPT_MS: u64 = 7 * 24 * 3_600_000;

/// The address is none that can be connected to.
#[derive(Debug, thiserror::Error)]
#[error("not an address of redis")]
pub struct AddressError(#[source] RedisError);

pub(crate) fn client(url: &str) -> Result<Client, AddressError> {
    Client::open(url).map_err(AddressError)
}

/// A random token.
pub(crate) fn token() -> Result<String, String> {
    let mut token = [0; crate::script::TOKEN / 2];
    getrandom::fill(&mut token).map_err(|error| error.to_string())?;
    Ok(hex::encode(token))
}

/// Connects and begins an epoch: nothing that anybody filled before is found any more, since raises may have been lost
/// while there was no connection, by us, by others or by the server itself.
pub(crate) async fn connect(
    client: &Client,
    options: &RedisOptions,
    envelope: &Envelope,
) -> Result<Link, String> {
    let attempt = async {
        // Time-outs are ours: the library's would leave the connection in use.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None);
        let mut connection = client
            .get_multiplexed_async_connection_with_config(&config)
            .await
            .map_err(|error| describe(&error))?;
        let names = Names::new(envelope);
        redis::cmd("SET")
            .arg(names.epoch())
            .arg(token()?)
            .arg("PX")
            .arg(TOKEN_KEPT_MS)
            .query_async::<()>(&mut connection)
            .await
            .map_err(|error| describe(&error))?;
        Ok(Link { connection, names })
    };
    tokio::time::timeout(options.connect_within, attempt)
        .await
        .unwrap_or_else(|_| Err(format!("no connection within {:?}", options.connect_within)))
}
