//! Whole numbers and truth values: JSON's own.
//!
//! Always true: a number is its digits. `50.0`, `5e1` and `"50"` are refused.

use std::num::NonZeroU32;

use crate::record::field::{Field, Wrong};

impl Field for u32 {
    #[inline]
    fn read(json: &str) -> Result<u32, Wrong> {
        let number = parse(json.as_bytes()).and_then(|it| u32::try_from(it).ok());
        number.ok_or_else(|| wrong("must be a whole number from 0 to 4294967295", json))
    }

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        write(u64::from(*self), out);
    }
}

impl Field for NonZeroU32 {
    fn read(json: &str) -> Result<NonZeroU32, Wrong> {
        let number = u32::read(json).ok().and_then(NonZeroU32::new);
        number.ok_or_else(|| wrong("must be a whole number from 1 to 4294967295", json))
    }

    fn write(&self, out: &mut Vec<u8>) {
        write(u64::from(self.get()), out);
    }
}

impl Field for u64 {
    #[inline]
    fn read(json: &str) -> Result<u64, Wrong> {
        let rule = "must be a whole number from 0 to 18446744073709551615";
        parse(json.as_bytes()).ok_or_else(|| wrong(rule, json))
    }

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        write(*self, out);
    }
}

impl Field for bool {
    fn read(json: &str) -> Result<bool, Wrong> {
        match json {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(Wrong::new("must be true or false", json)),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

/// The number of digits without a sign, a fraction or leading zeros.
#[inline]
pub(crate) fn parse(digits: &[u8]) -> Option<u64> {
    if let [] | [b'0', _, ..] = digits {
        return None;
    }
    let mut number = 0_u64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(number)
}

/// Appends the digits of `number`.
#[inline]
pub(crate) fn write(number: u64, out: &mut Vec<u8>) {
    let mut text = [b'0'; 20];
    let mut left = number;
    let mut len = 0;
    for place in text.iter_mut().rev() {
        *place = b'0' + (left % 10).to_le_bytes()[0];
        left /= 10;
        len += 1;
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(text.get(text.len() - len..).unwrap_or_default());
}

/// A value that is no such number, with the remedy where it is one in another dress.
#[cold]
pub(crate) fn wrong(rule: &'static str, json: &str) -> Wrong {
    let wrong = Wrong::new(rule, json);
    let inner = json.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
    match inner {
        Some(digits) if parse(digits.as_bytes()).is_some() => {
            wrong.hint("write the number without quotes")
        }
        _ => wrong,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_their_digits() {
        for number in [0, 1, 10, 99, 4_294_967_295, u64::MAX] {
            let mut out = Vec::new();
            write(number, &mut out);
            assert_eq!(out, number.to_string().as_bytes());
            assert_eq!(parse(&out), Some(number));
        }
        for json in [
            "",
            "-1",
            "01",
            "1.0",
            "1e3",
            "18446744073709551616",
            "\"1\"",
            "null",
            "+1",
        ] {
            assert!(u64::read(json).is_err(), "{json}");
        }
        assert!(u32::read("4294967296").is_err());
        assert!(NonZeroU32::read("0").is_err());
        assert!(bool::read("1").is_err());
        assert_eq!(
            u32::read("\"7\"").unwrap_err().hint.unwrap(),
            "write the number without quotes"
        );
    }
}
