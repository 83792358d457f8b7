//! The root key: made at a ledger's first start, kept wrapped by `MCP_KMS_KEY`.

use ledger::Ledger;
use runtime::Config;
use runtime::config::ConfigError;
use secrecy::ExposeSecret as _;
use vault::{KmsKey, KmsKeys, RootKey, SystemEntropy, UnwrapError, WrappedRoot};

use crate::error::StartError;

/// The setting that holds the wrapped key.
pub(crate) const SETTING: &str = "root_key";

/// Opens the ledger's root key; makes one if there is none.
pub(crate) async fn open(ledger: &Ledger, config: &Config) -> Result<RootKey, StartError> {
    let keys = kms_keys(config)?;
    let failed = |error| StartError::failed("the ledger cannot be used", error);
    let stored = if let Some(stored) = ledger.setting(SETTING).await.map_err(failed)? {
        stored
    } else {
        let fresh = RootKey::generate(&mut SystemEntropy).wrap(&keys.current, &mut SystemEntropy);
        // Another process may have been first: what is stored counts.
        ledger
            .init_setting(SETTING, fresh.to_string().as_bytes())
            .await
            .map_err(failed)?
    };
    let wrapped: WrappedRoot =
        String::from_utf8_lossy(&stored)
            .parse()
            .map_err(|error: vault::WrappedRootError| {
                StartError::failed("the ledger's root key is damaged", error)
            })?;
    match keys.open(&wrapped) {
        Ok(opened) => Ok(opened.root),
        Err(UnwrapError::WrongKey { needed, .. }) => {
            let accepted = format!("the key with which this ledger was first started (its id is {needed})");
            Err(ConfigError::hidden("MCP_KMS_KEY", &accepted).into())
        }
        Err(error @ UnwrapError::Damaged) => {
            Err(StartError::failed("the ledger's root key is damaged", error))
        }
    }
}

fn kms_keys(config: &Config) -> Result<KmsKeys, StartError> {
    let parse = |name: &str, text: &secrecy::SecretString| {
        KmsKey::parse(text.expose_secret())
            .map_err(|_| ConfigError::hidden(name, "32 or more bytes in base64 or base64url"))
    };
    let current = parse("MCP_KMS_KEY", &config.kms_key)?;
    let previous = config
        .kms_key_previous
        .as_ref()
        .map(|text| parse("MCP_KMS_KEY_PREVIOUS", text))
        .transpose()?;
    Ok(KmsKeys { current, previous })
}
