//! Signing after Standard Webhooks 1.0.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::secret::Secret;

/// The three headers of a signed message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// `webhook-id`: the same on every attempt, by it a receiver knows a repeat.
    pub id: String,
    /// `webhook-timestamp`: seconds since 1970 of this attempt.
    pub timestamp: i64,
    /// `webhook-signature`: one `v1,…` for each secret, separated by spaces.
    pub signature: String,
}

/// Signs `body` for an attempt at `timestamp` (seconds since 1970) with every secret that counts: while one replaces
/// another, a receiver finds the signature that it can verify.
pub fn sign<'a>(
    id: &str,
    timestamp: i64,
    body: &str,
    secrets: impl IntoIterator<Item = &'a Secret>,
) -> Signed {
    let signatures: Vec<String> = secrets
        .into_iter()
        .map(|secret| {
            let mut mac =
                Hmac::<Sha256>::new_from_slice(secret.bytes()).expect("HMAC takes keys of every length");
            mac.update(format!("{id}.{timestamp}.").as_bytes());
            mac.update(body.as_bytes());
            format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
        })
        .collect();
    Signed {
        id: id.to_owned(),
        timestamp,
        signature: signatures.join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;
    use standardwebhooks::Webhook;
    use std::time::{SystemTime, UNIX_EPOCH};

    fn now() -> i64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
    }

    fn headers(signed: &Signed) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("webhook-id", signed.id.parse().unwrap());
        headers.insert("webhook-timestamp", signed.timestamp.to_string().parse().unwrap());
        headers.insert("webhook-signature", signed.signature.parse().unwrap());
        headers
    }

    fn verifies(secret: &Secret, body: &str, signed: &Signed) -> bool {
        Webhook::new(&secret.reveal())
            .unwrap()
            .verify(body.as_bytes(), &headers(signed))
            .is_ok()
    }

    #[test]
    fn the_known_answer_of_the_standard_is_ours() {
        let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
            [&secret],
        );
        assert_eq!(
            signed.signature,
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn the_library_of_the_standard_verifies_what_we_sign() {
        let secret = Secret::new([42; 32]);
        let body = r#"{"type":"test","data":{"name":"Zoë"}}"#;
        let signed = sign("0192", now(), body, [&secret]);
        assert!(verifies(&secret, body, &signed));
        assert!(!verifies(&secret, &body.replace("test", "tset"), &signed));
        assert!(!verifies(&Secret::new([43; 32]), body, &signed));
        let another = Signed {
            id: "0193".to_owned(),
            ..signed.clone()
        };
        assert!(!verifies(&secret, body, &another));
        let later = Signed {
            timestamp: signed.timestamp + 1,
            ..signed
        };
        assert!(!verifies(&secret, body, &later));
    }

    #[test]
    fn while_a_secret_is_replaced_both_verify() {
        let (new, old) = (Secret::new([1; 32]), Secret::new([2; 32]));
        let signed = sign("0192", now(), "{}", [&new, &old]);
        assert!(verifies(&new, "{}", &signed));
        assert!(verifies(&old, "{}", &signed));
        let later = sign("0192", now(), "{}", [&new]);
        assert!(!verifies(&old, "{}", &later));
    }
}
