//! DER, as far as a time-stamp needs it: elements inside elements, each with a tag and a length.
//!
//! Always true:
//! - An element lies inside the one it was taken from. No length that is claimed reaches beyond it.
//! - Reading allocates nothing and does not recurse: how deep it goes is how deep the caller asks.
//! - What is taken has the tag that was asked for and the one length that DER allows.
//!
//! Not here: what the elements mean. Elements that nobody takes are not looked into.

use super::AnchorError;

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const NULL: u8 = 0x05;
pub(super) const OBJECT_ID: u8 = 0x06;
pub(super) const UTF8_STRING: u8 = 0x0c;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
/// The first field of its kind that its place does not tell apart, and the second.
pub(super) const CONTEXT_0: u8 = 0xa0;
pub(super) const CONTEXT_1: u8 = 0xa1;

/// More bytes of length than this would be gigabytes.
const LEN_BYTES_MAX: u8 = 4;

/// The rest of an element, taken apart from its beginning.
#[derive(Clone, Debug)]
pub(super) struct Der<'a> {
    rest: &'a [u8],
    /// What it is called where it is defined, for errors.
    part: &'static str,
}

impl<'a> Der<'a> {
    pub(super) fn new(bytes: &'a [u8], part: &'static str) -> Der<'a> {
        Der { rest: bytes, part }
    }

    /// What is left of it.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.rest
    }

    /// Takes the next element, which must be there and have this tag.
    ///
    /// # Errors
    /// [`AnchorError::Malformed`] with the name of the element.
    pub(super) fn take(&mut self, tag: u8, part: &'static str) -> Result<Der<'a>, AnchorError> {
        let wrong = |reason| AnchorError::Malformed { part, reason };
        let (found, rest) = self.rest.split_first().ok_or(wrong("is missing"))?;
        if *found != tag {
            return Err(wrong("is missing, something else is in its place"));
        }
        let (len, rest) = length(rest).map_err(wrong)?;
        let (inside, after) = rest.split_at_checked(len).ok_or(wrong("is cut off"))?;
        self.rest = after;
        Ok(Der::new(inside, part))
    }

    /// Takes the next element if it has this tag.
    ///
    /// # Errors
    /// As [`Der::take`].
    pub(super) fn take_if(
        &mut self,
        tag: u8,
        part: &'static str,
    ) -> Result<Option<Der<'a>>, AnchorError> {
        let is_there = self.rest.first() == Some(&tag);
        is_there.then(|| self.take(tag, part)).transpose()
    }

    /// That nothing is left.
    ///
    /// # Errors
    /// [`AnchorError::Malformed`] with the name of this element.
    pub(super) fn end(&self) -> Result<(), AnchorError> {
        if self.rest.is_empty() {
            return Ok(());
        }
        let (part, reason) = (self.part, "has more in it than it should");
        Err(AnchorError::Malformed { part, reason })
    }
}

/// An element's length, and what follows it.
fn length(bytes: &[u8]) -> Result<(usize, &[u8]), &'static str> {
    let (first, rest) = bytes.split_first().ok_or("is cut off")?;
    let count = match first {
        0..0x80 => return Ok((usize::from(*first), rest)),
        0x80 => return Err("has an indefinite length, which is BER and not DER"),
        _ => first & 0x7f,
    };
    if LEN_BYTES_MAX < count {
        return Err("is longer than anything can be");
    }
    let (digits, rest) = rest
        .split_at_checked(usize::from(count))
        .ok_or("is cut off")?;
    let len = digits
        .iter()
        .fold(0, |len: u32, it| len << 8 | u32::from(*it));
    if len < 0x80 || digits.first() == Some(&0) {
        return Err("has its length in more bytes than DER allows");
    }
    let len = usize::try_from(len).map_err(|_| "is longer than anything can be")?;
    Ok((len, rest))
}

/// An element of these parts.
pub(super) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let inside = parts.concat();
    let mut bytes = vec![tag];
    match u8::try_from(inside.len()) {
        Ok(len) if len < 0x80 => bytes.push(len),
        _ => {
            let digits = inside.len().to_be_bytes();
            let digits = without_zeros(&digits);
            bytes.push(0x80 | u8::try_from(digits.len()).unwrap_or_default());
            bytes.extend_from_slice(digits);
        }
    }
    bytes.extend_from_slice(&inside);
    bytes
}

/// The inside of an INTEGER that is not negative.
pub(super) fn unsigned(value: u64) -> Vec<u8> {
    let digits = value.to_be_bytes();
    let digits = without_zeros(&digits);
    // A first bit that is set would make it negative.
    let is_bare = digits.first().is_some_and(|it| *it < 0x80);
    let mut bytes = if is_bare { Vec::new() } else { vec![0] };
    bytes.extend_from_slice(digits);
    bytes
}

fn without_zeros(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|it| **it == 0).count();
    digits.get(zeros..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reason(bytes: &[u8]) -> &'static str {
        match Der::new(bytes, "all").take(OCTET_STRING, "it") {
            Err(AnchorError::Malformed { part: "it", reason }) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_length_has_one_form() {
        assert_eq!(reason(&[]), "is missing");
        assert_eq!(
            reason(&[INTEGER, 1, 0]),
            "is missing, something else is in its place"
        );
        assert_eq!(reason(&[OCTET_STRING]), "is cut off");
        assert_eq!(reason(&[OCTET_STRING, 2, 0]), "is cut off");
        assert_eq!(reason(&[OCTET_STRING, 0x82, 1]), "is cut off");
        assert_eq!(
            reason(&[OCTET_STRING, 0x84, 0xff, 0xff, 0xff, 0xff]),
            "is cut off"
        );
        assert_eq!(
            reason(&[OCTET_STRING, 0x85, 1, 0, 0, 0, 0]),
            "is longer than anything can be"
        );
        assert!(reason(&[OCTET_STRING, 0x80, 0, 0]).contains("BER"));
        for padded in [[0x81, 0x7f, 0], [0x82, 0, 0x80]] {
            let bytes = [&[OCTET_STRING], &padded[..], &[0; 200]].concat();
            assert_eq!(
                reason(&bytes),
                "has its length in more bytes than DER allows"
            );
        }
    }

    #[test]
    fn an_integer_is_never_negative_and_never_longer_than_it_needs() {
        for (value, inside) in [
            (0, &[0][..]),
            (0x7f, &[0x7f]),
            (0x80, &[0, 0x80]),
            (0x1234, &[0x12, 0x34]),
            (u64::MAX, &[0, 255, 255, 255, 255, 255, 255, 255, 255]),
        ] {
            assert_eq!(unsigned(value), inside, "{value}");
        }
    }

    proptest! {
        #[test]
        fn an_element_is_read_as_it_was_written(
            first in prop::collection::vec(any::<u8>(), 0..70_000),
            second in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            let (one, two) = (element(OCTET_STRING, &[&first]), element(SET, &[&second]));
            let bytes = element(SEQUENCE, &[&one, &two]);
            let mut outer = Der::new(&bytes, "all");
            let mut inner = outer.take(SEQUENCE, "sequence").unwrap();
            prop_assert!(outer.end().is_ok());
            prop_assert_eq!(inner.take(OCTET_STRING, "first").unwrap().bytes(), &first[..]);
            prop_assert!(inner.end().is_err());
            prop_assert!(inner.take_if(CONTEXT_0, "none").unwrap().is_none());
            prop_assert_eq!(inner.take_if(SET, "second").unwrap().unwrap().bytes(), &second[..]);
            prop_assert!(inner.end().is_ok());
        }
    }
}
