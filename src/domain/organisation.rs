//! Identities of organisations, and the check digit of Norwegian ones.

use std::fmt;

use super::text::Text;

/// ISO 6523 code of the Norwegian register of legal entities.
pub const NORWEGIAN_SCHEME: &str = "0192";
/// Longest organisation number, in bytes.
pub const ORGANISATION_NUMBER_BYTES_MAX: usize = 64;

/// Weights of the first eight digits, after the register's own rule (Brønnøysundregistrene).
const MOD_11_WEIGHTS: [u32; 8] = [3, 2, 7, 6, 5, 4, 3, 2];

/// Why a text does not identify an organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOrganisation {
    /// The number is empty.
    #[error("must not be empty")]
    Empty,
    /// The scheme is not four digits.
    #[error("must have a scheme of four digits (ISO 6523 ICD), or none")]
    MalformedScheme,
    /// The number is too long or has characters outside printable ASCII.
    #[error("must be at most {ORGANISATION_NUMBER_BYTES_MAX} printable ASCII characters")]
    MalformedNumber,
    /// A Norwegian number that is not nine digits with a valid check digit.
    #[error("must be nine digits with a valid mod-11 check digit")]
    CheckDigit,
}

/// The identity of an organisation: a number and the register that gave it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrganisationId {
    /// Invariant: ASCII digits.
    scheme: [u8; 4],
    number: Text,
}

impl OrganisationId {
    /// Reads and checks an identity. An empty scheme is the Norwegian register.
    pub fn parse(scheme: &str, number: &str) -> Result<Self, InvalidOrganisation> {
        let id = Self::parse_as_stated(scheme, number)?;
        if id.is_valid() { Ok(id) } else { Err(InvalidOrganisation::CheckDigit) }
    }

    /// Reads an identity as somebody else's document states it: the check digit may be wrong, which
    /// [`OrganisationId::is_valid`] tells.
    pub fn parse_as_stated(scheme: &str, number: &str) -> Result<Self, InvalidOrganisation> {
        let scheme = if scheme.is_empty() { NORWEGIAN_SCHEME } else { scheme };
        let scheme: Result<[u8; 4], _> = scheme.as_bytes().try_into();
        let Some(scheme) = scheme.ok().filter(|digits| digits.iter().all(u8::is_ascii_digit))
        else {
            return Err(InvalidOrganisation::MalformedScheme);
        };
        if number.is_empty() {
            return Err(InvalidOrganisation::Empty);
        }
        let printable = number.bytes().all(|byte| matches!(byte, b'!'..=b'~'));
        if number.len() > ORGANISATION_NUMBER_BYTES_MAX || !printable {
            return Err(InvalidOrganisation::MalformedNumber);
        }
        Ok(Self { scheme, number: Text::new(number) })
    }

    /// Whether the number passes its scheme's check.
    pub fn is_valid(&self) -> bool {
        !self.is_norwegian() || is_norwegian_number(self.number())
    }

    /// The register, four digits.
    pub fn scheme(&self) -> &str {
        std::str::from_utf8(&self.scheme).expect("digits are text")
    }

    fn is_norwegian(&self) -> bool {
        self.scheme == *NORWEGIAN_SCHEME.as_bytes()
    }

    /// The number.
    pub fn number(&self) -> &str {
        self.number.as_str()
    }
}

impl fmt::Display for OrganisationId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_norwegian() {
            formatter.write_str(self.number())
        } else {
            write!(formatter, "{}:{}", self.scheme(), self.number())
        }
    }
}

fn is_norwegian_number(number: &str) -> bool {
    let digit = |byte: u8| u32::from(byte.wrapping_sub(b'0'));
    let Ok([body @ .., check]) = <[u8; 9]>::try_from(number.as_bytes()) else {
        return false;
    };
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let sum: u32 = body.iter().zip(MOD_11_WEIGHTS).map(|(one, weight)| digit(*one) * weight).sum();
    match 11 - sum % 11 {
        11 => digit(check) == 0,
        // No number is given out whose check digit would be ten.
        10 => false,
        expected => digit(check) == expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn norwegian_numbers_need_their_check_digit() {
        for good in ["920125298", "974761157", "943184097", "920817521"] {
            assert!(OrganisationId::parse("", good).is_ok(), "{good}");
        }
        for bad in ["974640782", "920125299", "92012529", "9201252980", "92012529x", "NO920125298"]
        {
            let parsed = OrganisationId::parse("0192", bad);
            assert_eq!(parsed, Err(InvalidOrganisation::CheckDigit), "{bad}");
        }
    }

    #[test]
    fn foreign_numbers_carry_their_own_scheme() {
        let swedish = OrganisationId::parse("0007", "5560360793").unwrap();
        assert_eq!(swedish.to_string(), "0007:5560360793");
        let cases = [
            ("07", "1", InvalidOrganisation::MalformedScheme),
            ("abcd", "1", InvalidOrganisation::MalformedScheme),
            ("0007", "", InvalidOrganisation::Empty),
            ("0007", "a b", InvalidOrganisation::MalformedNumber),
        ];
        for (scheme, number, reason) in cases {
            assert_eq!(OrganisationId::parse(scheme, number), Err(reason));
        }
    }
}
