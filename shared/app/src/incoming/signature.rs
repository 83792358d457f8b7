//! The two ways in which a call about an order is signed.

use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::percent_decode_str;
use sha2::Sha256;

/// Whether `signature`, in hex, is the HMAC-SHA256 of `content` under `key`; compared in constant time.
pub(super) fn is_signed(key: &[u8], content: &[u8], signature: &str) -> bool {
    let Ok(signature) = hex::decode(signature) else {
        return false;
    };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return false;
    };
    mac.update(content);
    mac.verify_slice(&signature).is_ok()
}

/// Whether Order Desk signed a form's field with a store's API key. Its own samples differ: one decodes percent signs once
/// more before it signs.
pub(super) fn is_order_desks(api_key: &str, field: &str, signature: &str) -> bool {
    let key = api_key.as_bytes();
    is_signed(key, field.as_bytes(), signature)
        || (field.contains('%') && {
            let decoded: Vec<u8> = percent_decode_str(field).collect();
            is_signed(key, &decoded, signature)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2.
    const SIGNATURE: &str = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";

    #[test]
    fn both_samples_of_the_vendor_are_understood() {
        assert!(is_order_desks("Jefe", "what do ya want for nothing?", SIGNATURE));
        assert!(is_order_desks(
            "Jefe",
            "what%20do ya want for nothing%3F",
            SIGNATURE
        ));
        assert!(
            !is_order_desks("Jefe", "what%2520do ya want for nothing?", SIGNATURE),
            "decoded once"
        );
    }

    #[test]
    fn nothing_else_is_a_signature() {
        let signed = |key: &str, signature: &str| {
            is_signed(key.as_bytes(), b"what do ya want for nothing?", signature)
        };
        assert!(signed("Jefe", SIGNATURE) && signed("Jefe", &SIGNATURE.to_uppercase()));
        assert!(!signed("jefe", SIGNATURE) && !signed("Jefe", &SIGNATURE[..62]));
        assert!(!signed("Jefe", "") && !signed("", "") && !signed("Jefe", "no hex"));
    }
}
