//! Parsers of single values; an error says what is accepted.

use std::net::IpAddr;
use std::time::Duration;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use ipnet::IpNet;

type Parsed<T> = Result<T, String>;

pub(super) fn boolean(text: &str) -> Parsed<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err("true or false".to_owned()),
    }
}

pub(super) fn integer(text: &str, low: u32, high: u32) -> Parsed<u32> {
    match text.parse::<u32>() {
        Ok(value) if (low..=high).contains(&value) => Ok(value),
        _ => Err(format!("an integer from {low} to {high}")),
    }
}

pub(super) fn port(text: &str) -> Parsed<u16> {
    text.parse()
        .map_err(|_| "a port from 0 to 65535 (0 takes a free one)".to_owned())
}

pub(super) fn rate(text: &str) -> Parsed<f64> {
    match text.parse::<f64>() {
        Ok(value) if (0.01..=100_000.0).contains(&value) => Ok(value),
        _ => Err("a number from 0.01 to 100000".to_owned()),
    }
}

pub(super) fn ip(text: &str) -> Parsed<IpAddr> {
    text.parse()
        .map_err(|_| "an IP address such as 0.0.0.0 or 127.0.0.1".to_owned())
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

pub(super) fn nets(text: &str) -> Parsed<Vec<IpNet>> {
    list(text)
        .map(|part| {
            part.parse::<IpNet>()
                .or_else(|_| part.parse::<IpAddr>().map(IpNet::from))
        })
        .collect::<Result<_, _>>()
        .map_err(|_| "comma-separated CIDRs such as 10.0.0.0/8,::1/128".to_owned())
}

pub(super) fn duration(text: &str) -> Parsed<Duration> {
    duration_between(text, Duration::ZERO, Duration::from_hours(366 * 24))
}

pub(super) fn duration_between(text: &str, low: Duration, high: Duration) -> Parsed<Duration> {
    let accepted = || {
        format!(
            "a duration such as 500ms, 15s, 5m or 24h, from {} to {}",
            show(low),
            show(high)
        )
    };
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().map_err(|_| accepted())?;
    let unit_ms = match &text[digits..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(accepted()),
    };
    let duration = Duration::from_millis(number.checked_mul(unit_ms).ok_or_else(accepted)?);
    if (low..=high).contains(&duration) {
        Ok(duration)
    } else {
        Err(accepted())
    }
}

fn show(duration: Duration) -> String {
    let ms = duration.as_millis();
    match ms {
        0 => "0s".to_owned(),
        _ if ms.is_multiple_of(3_600_000) => format!("{}h", ms / 3_600_000),
        _ if ms.is_multiple_of(60_000) => format!("{}m", ms / 60_000),
        _ if ms.is_multiple_of(1_000) => format!("{}s", ms / 1_000),
        _ => format!("{ms}ms"),
    }
}

pub(super) fn durations(text: &str) -> Parsed<Vec<Duration>> {
    let parsed: Result<Vec<_>, _> = list(text).map(duration).collect();
    match parsed {
        Ok(list) if !list.is_empty() && list.len() <= 50 => Ok(list),
        _ => Err("1 to 50 comma-separated durations such as 5s,5m,24h".to_owned()),
    }
}

pub(super) fn url(text: &str, schemes: &[&str]) -> Parsed<url::Url> {
    let accepted = || format!("a URL beginning with {}", schemes.map_join());
    let url = url::Url::parse(text).map_err(|_| accepted())?;
    if schemes.contains(&url.scheme()) && url.host_str().is_some() {
        Ok(url)
    } else {
        Err(accepted())
    }
}

trait MapJoin {
    fn map_join(&self) -> String;
}

impl MapJoin for &[&str] {
    fn map_join(&self) -> String {
        self.iter()
            .map(|scheme| format!("{scheme}://"))
            .collect::<Vec<_>>()
            .join(" or ")
    }
}

pub(super) fn nats_urls(text: &str) -> Parsed<()> {
    for part in list(text) {
        url(part, &["nats", "tls", "ws", "wss"])?;
    }
    if list(text).next().is_none() {
        Err("nats://host:4222, several with commas".to_owned())
    } else {
        Ok(())
    }
}

pub(super) fn origins(text: &str) -> Parsed<Vec<String>> {
    list(text)
        .map(|part| {
            if part == "*" {
                return Ok(part.to_owned());
            }
            url(part, &["http", "https"])
                .ok()
                .filter(|u| u.path() == "/" && u.query().is_none())
                .map(|u| u.origin().ascii_serialization())
                .ok_or_else(|| "comma-separated origins such as https://app.example.com".to_owned())
        })
        .collect()
}

pub(super) fn kms_key(text: &str) -> Parsed<()> {
    let indifferent = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let decoded = [alphabet::STANDARD, alphabet::URL_SAFE]
        .iter()
        .find_map(|alphabet| GeneralPurpose::new(alphabet, indifferent).decode(text).ok());
    match decoded {
        Some(bytes) if bytes.len() >= 32 => Ok(()),
        _ => Err("32 or more bytes in base64 or base64url".to_owned()),
    }
}

pub(super) fn admin_token(text: &str) -> Parsed<()> {
    if (16..=512).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(())
    } else {
        Err("16 to 512 printable characters without spaces".to_owned())
    }
}

pub(super) fn non_empty(text: &str) -> Parsed<()> {
    if text.is_empty() {
        Err("a non-empty text".to_owned())
    } else {
        Ok(())
    }
}
