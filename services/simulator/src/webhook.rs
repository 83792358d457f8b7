//! The outgoing call of the rule action "Post Order JSON".

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use http::{Request, Uri, header};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use sha2::Sha256;
use tokio::net::TcpStream;

use crate::{handle::Handle, reply::print};

/// The service gives a receiver this long.
const ANSWER_TIME: Duration = Duration::from_secs(30);

/// Why an order could not be posted.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// There is no such order.
    #[error("there is no such order")]
    NoSuchOrder,
    /// The address is no plain HTTP URL.
    #[error("the address is not a plain http URL")]
    Address,
    /// The receiver cannot be reached.
    #[error("the receiver cannot be reached")]
    Connect(#[source] std::io::Error),
    /// The exchange with the receiver broke off.
    #[error("the exchange with the receiver broke off")]
    Exchange(#[source] hyper::Error),
    /// The receiver took longer than the 30 s that the service allows.
    #[error("the receiver did not answer in time")]
    Timeout,
}

impl Handle {
    /// Posts an order to `url` the way a merchant's rule does and returns the receiver's status.
    ///
    /// The form field `order` holds the order as JSON; its HMAC-SHA256 under the store's API key is in
    /// `X-ORDER-DESK-HASH`. One try, with the `X-ORDER-DESK-APPOINTMENT-ID` if one is given.
    pub async fn post_webhook(
        &self,
        store: &str,
        order: &str,
        url: &str,
        appointment: Option<&str>,
    ) -> Result<u16, WebhookError> {
        let (json, key) = self
            .shared()
            .peek(|world| {
                let store = world.stores.get(store)?;
                let order = serde_json::Value::Object(store.orders.get(order)?.clone());
                Some((
                    print(&order, world.quirks.escaped_text),
                    store.config.api_key.clone(),
                ))
            })
            .ok_or(WebhookError::NoSuchOrder)?;
        let json = String::from_utf8_lossy(&json).into_owned();
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("order", &json)
            .finish();

        let uri: Uri = url.parse().map_err(|_| WebhookError::Address)?;
        let authority = uri.authority().filter(|_| uri.scheme_str() == Some("http"));
        let authority = authority.ok_or(WebhookError::Address)?;
        let mut request = Request::post(uri.path_and_query().map_or("/", |path| path.as_str()))
            .header(header::HOST, authority.as_str())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("X-ORDER-DESK-STORE-ID", store)
            .header("X-ORDER-DESK-HASH", sign(key.expose(), &json));
        if let Some(appointment) = appointment {
            request = request.header("X-ORDER-DESK-APPOINTMENT-ID", appointment);
        }
        let request = request
            .body(Full::new(bytes::Bytes::from(form)))
            .map_err(|_| WebhookError::Address)?;

        let target = (authority.host().to_owned(), authority.port_u16().unwrap_or(80));
        let exchange = async {
            let stream = TcpStream::connect(target).await.map_err(WebhookError::Connect)?;
            let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
                .await
                .map_err(WebhookError::Exchange)?;
            tokio::select! {
                response = sender.send_request(request) => response.map_err(WebhookError::Exchange),
                // The connection's end is also the answer's; only the sender knows why.
                never = async { let _ = connection.await; std::future::pending().await } => never,
            }
        };
        let response = tokio::time::timeout(ANSWER_TIME, exchange)
            .await
            .map_err(|_| WebhookError::Timeout)??;
        Ok(response.status().as_u16())
    }
}

/// Lower-case hex HMAC-SHA256 of the decoded form field.
fn sign(key: &str, field: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(field.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_hmac_sha256_in_lower_case_hex() {
        // RFC 4231, test case 2.
        assert_eq!(
            sign("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
