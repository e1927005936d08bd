//! Hashes as hexadecimal text: of a configuration, and of lines and files.
//!
//! Always true: the text is lower case and has every digit.

use std::{fmt, str::FromStr};

use md5::{Digest as _, Md5};

use crate::record::field::{Field, Wrong, string::hex_digit};

macro_rules! hash_types {
    ($( $(#[$doc:meta])* $name:ident, $len:literal bytes, $digits:literal digits, $rule:literal; )*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $len]);

        impl $name {
            /// The hash of these bytes, which are the hash itself.
            #[must_use]
            #[inline]
            pub const fn from_bytes(bytes: [u8; $len]) -> $name {
                $name(bytes)
            }

            /// The bytes of the hash.
            #[must_use]
            #[inline]
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }

            /// Reads exactly its lower-case digits.
            #[must_use]
            #[inline]
            pub fn from_hex(digits: &[u8]) -> Option<$name> {
                if digits.len() != $digits {
                    return None;
                }
                let mut bytes = [0; $len];
                // Two digits give at most 0xff; any bit above says that one was no digit.
                let mut seen = 0_u16;
                for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
                    let [high, low] = *pair else { return None };
                    let value = nibble(high) << 4 | nibble(low);
                    seen |= value;
                    *byte = value.to_le_bytes()[0];
                }
                (seen <= 0xff).then_some($name(bytes))
            }

            /// Its digits.
            #[must_use]
            #[inline]
            pub fn to_hex(&self) -> [u8; $digits] {
                let mut digits = [0; $digits];
                for (pair, byte) in digits.chunks_exact_mut(2).zip(self.0) {
                    if let [high, low] = pair {
                        *high = hex_digit(byte >> 4);
                        *low = hex_digit(byte & 0x0f);
                    }
                }
                digits
            }
        }

        impl FromStr for $name {
            type Err = Wrong;

            fn from_str(text: &str) -> Result<$name, Wrong> {
                $name::from_hex(text.as_bytes())
                    .ok_or_else(|| Wrong::new($rule, format_args!("{text:?}")))
            }
        }

        impl TryFrom<&str> for $name {
            type Error = Wrong;

            fn try_from(text: &str) -> Result<$name, Wrong> {
                text.parse()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(std::str::from_utf8(&self.to_hex()).unwrap_or_default())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Field for $name {
            #[inline]
            fn read(json: &str) -> Result<$name, Wrong> {
                let digits = json.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
                digits
                    .and_then(|it| $name::from_hex(it.as_bytes()))
                    .ok_or_else(|| Wrong::new($rule, json))
            }

            #[inline]
            fn write(&self, out: &mut Vec<u8>) {
                out.push(b'"');
                out.extend_from_slice(&self.to_hex());
                out.push(b'"');
            }
        }
    )* };
}

hash_types! {
    /// The MD5 of a configuration: which settings a trade was made under.
    ConfigHash, 16 bytes, 32 digits, "must be the 32 lower-case hexadecimal digits of an MD5";
    /// A SHA-256: of a line, a file, or a node over them.
    Digest, 32 bytes, 64 digits, "must be the 64 lower-case hexadecimal digits of a SHA-256";
}

impl ConfigHash {
    /// The hash of the bytes of a configuration.
    #[must_use]
    pub fn of(configuration: &[u8]) -> ConfigHash {
        ConfigHash(Md5::digest(configuration).into())
    }
}

/// The value of a lower-case hexadecimal digit, and more than 0xff for any other byte.
#[inline]
fn nibble(digit: u8) -> u16 {
    match digit {
        b'0'..=b'9' => u16::from(digit - b'0'),
        b'a'..=b'f' => u16::from(digit - b'a' + 10),
        _ => 0x100,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_its_lower_case_digits() {
        let text = "5d41402abc4b2a76b9719d911017c592";
        assert_eq!(ConfigHash::of(b"hello").to_string(), text);
        assert_eq!(text.parse::<ConfigHash>(), Ok(ConfigHash::of(b"hello")));
        let every: [u8; 32] = std::array::from_fn(|it| u8::try_from(it * 8).unwrap());
        let digest = Digest::from_bytes(every);
        assert_eq!(Digest::from_hex(&digest.to_hex()), Some(digest));
        for wrong in [
            "",
            "5d41402abc4b2a76b9719d911017c59",
            "5d41402abc4b2a76b9719d911017c5920",
            "5D41402ABC4B2A76B9719D911017C592",
            "5d41402abc4b2a76b9719d911017c59g",
            "gd41402abc4b2a76b9719d911017c592",
        ] {
            assert!(wrong.parse::<ConfigHash>().is_err(), "{wrong}");
        }
    }
}
