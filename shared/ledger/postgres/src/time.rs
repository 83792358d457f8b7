//! Times as the database keeps them: `timestamptz`, microseconds since 2000, exact in both directions.

use domain::Timestamp;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueFormat, PgValueRef};
use sqlx::{Decode, Encode, Postgres, Type};

/// 2000-01-01T00:00:00Z.
const POSTGRES_EPOCH_MS: i64 = 946_684_800_000;
const TIMESTAMPTZ: Oid = Oid(1184);
const TIMESTAMPTZ_ARRAY: Oid = Oid(1185);

/// A domain time on its way into or out of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct At(pub(crate) Timestamp);

impl At {
    fn to_micros(self) -> i64 {
        // At most 2.6e17 by the range of `Timestamp`.
        (self.0.as_millis() - POSTGRES_EPOCH_MS) * 1_000
    }

    /// Rounds down: only the database's own clock has parts of a millisecond.
    fn from_micros(micros: i64) -> Self {
        Self(Timestamp::from_millis(
            micros.div_euclid(1_000).saturating_add(POSTGRES_EPOCH_MS),
        ))
    }
}

/// A time that a program has written, and so has no parts of a millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exact(pub(crate) Timestamp);

impl Type<Postgres> for Exact {
    fn type_info() -> PgTypeInfo {
        At::type_info()
    }
}

impl Decode<'_, Postgres> for Exact {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let bytes: [u8; 8] = value.as_bytes()?.try_into()?;
        let at = At::decode(value)?;
        if at.to_micros() == i64::from_be_bytes(bytes) {
            Ok(Self(at.0))
        } else {
            Err("it has parts of a millisecond".into())
        }
    }
}

impl Type<Postgres> for At {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(TIMESTAMPTZ)
    }
}

impl PgHasArrayType for At {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(TIMESTAMPTZ_ARRAY)
    }
}

impl Encode<'_, Postgres> for At {
    fn encode_by_ref(&self, buf: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buf.extend_from_slice(&self.to_micros().to_be_bytes());
        Ok(IsNull::No)
    }

    fn size_hint(&self) -> usize {
        8
    }
}

impl Decode<'_, Postgres> for At {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        match value.format() {
            PgValueFormat::Binary => {
                let bytes: [u8; 8] = value.as_bytes()?.try_into()?;
                Ok(Self::from_micros(i64::from_be_bytes(bytes)))
            }
            PgValueFormat::Text => Err("times are read in binary form only".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_millisecond_survives() {
        let latest = Timestamp::from_millis(i64::MAX).as_millis();
        for millis in [
            0,
            1,
            946_684_799_999,
            946_684_800_000,
            1_700_000_000_123,
            1_799_999_999_999,
            latest,
        ] {
            let at = At(Timestamp::from_millis(millis));
            assert_eq!(At::from_micros(at.to_micros()), at);
        }
    }

    #[test]
    fn parts_of_a_millisecond_are_cut_off_downwards_before_2000_too() {
        assert_eq!(At::from_micros(1_999).0.as_millis(), POSTGRES_EPOCH_MS + 1);
        assert_eq!(At::from_micros(-1).0.as_millis(), POSTGRES_EPOCH_MS - 1);
    }
}
