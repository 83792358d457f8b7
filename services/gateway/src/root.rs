//! The root key: made at a ledger's first start, kept wrapped by `MCP_KMS_KEY`.

use ledger::Ledger;
use runtime::Config;
use runtime::config::ConfigError;
use secrecy::ExposeSecret as _;
use vault::{KmsKey, KmsKeys, OpenedRoot, RootKey, SystemEntropy, UnwrapError, WrappedRoot};

use crate::error::StartError;

/// The setting that holds the wrapped key.
pub(crate) const SETTING: &str = "root_key";
/// What a rotation that did not happen says.
pub(crate) const UNROTATED: &str = "the root key was not rewrapped";

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
    Ok(unwrapped(&keys, &stored)?.root)
}

/// What a rotation found to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rotation {
    /// The root key was wrapped anew with `MCP_KMS_KEY`.
    Done,
    /// It was so already: a repeat changes nothing.
    DoneBefore,
}

/// Wraps the root key, which `MCP_KMS_KEY_PREVIOUS` opens, with `MCP_KMS_KEY`: one row, replaced in one statement, so
/// that whoever stops it leaves one of the two. The root key stays what it is, and with it everything derived from it;
/// who runs already has it and notices nothing.
pub(crate) async fn rotate(ledger: &Ledger, config: &Config) -> Result<Rotation, StartError> {
    const MAX_TRIES: usize = 5;
    let keys = kms_keys(config)?;
    let failed = |error| StartError::failed(UNROTATED, error);
    for _ in 0..MAX_TRIES {
        let stored = ledger.setting(SETTING).await.map_err(failed)?;
        let stored = stored.ok_or_else(|| {
            StartError::failed(UNROTATED, "this ledger was never started and has no root key")
        })?;
        let opened = unwrapped(&keys, &stored)?;
        if !opened.rewrap {
            return Ok(Rotation::DoneBefore);
        }
        let fresh = opened.root.wrap(&keys.current, &mut SystemEntropy).to_string();
        runtime::crash::point("rotate.before");
        // Another rotation may have been faster, with this key or another: then look again.
        if ledger
            .swap_setting(SETTING, &stored, fresh.as_bytes())
            .await
            .map_err(failed)?
        {
            runtime::crash::point("rotate.after");
            // What the old key opens must not stay behind; if it does for a while, the rotation is done all the same.
            if let Err(error) = ledger.scrub().await {
                tracing::warn!(error = %error, "the database keeps traces of the former row for now");
            }
            return Ok(Rotation::Done);
        }
    }
    Err(StartError::failed(UNROTATED, "others keep rotating it"))
}

fn unwrapped(keys: &KmsKeys, stored: &[u8]) -> Result<OpenedRoot, StartError> {
    let wrapped: WrappedRoot =
        String::from_utf8_lossy(stored)
            .parse()
            .map_err(|error: vault::WrappedRootError| {
                StartError::failed("the ledger's root key is damaged", error)
            })?;
    match keys.open(&wrapped) {
        Ok(opened) => Ok(opened),
        Err(UnwrapError::WrongKey { needed, .. }) => {
            let accepted = format!("the key that wraps this ledger's root key (its id is {needed})");
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
