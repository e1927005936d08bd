//! A value as the thread that calls leaves it: packed, so that the worker makes the JSON.
//!
//! Always true:
//! - A packed value says by itself what it is; texts are copied as they stand and numbers as they are, so
//!   that packing costs about what copying costs.
//! - What JSON cannot hold is what `serde_json` makes of it: a key that is no text becomes one, a float
//!   that is no number `null`.
//! - A value that refuses to be serialised, or is nested too deep, leaves what was packed before it, and
//!   a reason.
//!
//! Not here: JSON, and what must not land in a recording.

use std::fmt::{self, Display};

use serde::ser::{self, Serialize};

/// What a packed value begins with.
pub(super) mod tag {
    pub(crate) const NULL: u8 = 0;
    pub(crate) const FALSE: u8 = 1;
    pub(crate) const TRUE: u8 = 2;
    /// 8 bytes, as all numbers little-endian.
    pub(crate) const U64: u8 = 3;
    pub(crate) const I64: u8 = 4;
    /// 16 bytes.
    pub(crate) const U128: u8 = 5;
    pub(crate) const I128: u8 = 6;
    /// 4 and 8 bytes.
    pub(crate) const F32: u8 = 7;
    pub(crate) const F64: u8 = 8;
    /// 4 bytes of length, and UTF-8.
    pub(crate) const TEXT: u8 = 9;
    /// The same, of JSON that somebody else wrote.
    pub(crate) const JSON: u8 = 10;
    /// Values up to `END`.
    pub(crate) const LIST: u8 = 11;
    /// Keys, which are texts, and values, up to `END`.
    pub(crate) const MAP: u8 = 12;
    pub(crate) const END: u8 = 13;
}

/// Levels of lists and maps; the record holds a few more.
const LEVELS_MAX: u32 = 90;
/// By this name `serde_json` knows its own `RawValue`.
const RAW_VALUE: &str = "$serde_json::private::RawValue";

/// Why a value could not be packed.
#[derive(Debug, thiserror::Error)]
pub(super) enum PackError {
    #[error("{0}")]
    Refused(String),
    #[error("it is nested more than {LEVELS_MAX} levels deep")]
    Deep,
}

impl ser::Error for PackError {
    fn custom<T: Display>(reason: T) -> PackError {
        PackError::Refused(reason.to_string())
    }
}

/// Appends `value` to `out`. After an error, `out` is as it was.
pub(super) fn pack<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), PackError> {
    let before = out.len();
    let packed = value.serialize(&mut Packer {
        out,
        levels: 0,
        raw: false,
    });
    if packed.is_err() {
        out.truncate(before);
    }
    packed
}

/// Appends a text.
#[inline]
pub(super) fn pack_text(text: &str, out: &mut Vec<u8>) {
    pack_bytes(tag::TEXT, text, out);
}

/// Appends what `shown` shows, without a text in between.
pub(super) fn pack_shown<T: Display + ?Sized>(shown: &T, out: &mut Vec<u8>) {
    out.push(tag::TEXT);
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    // Writing into memory does not fail; a `Display` that does has said what it had to say.
    let _ = fmt::write(&mut Utf8(out), format_args!("{shown}"));
    let len = u32::try_from(out.len() - at - 4).unwrap_or(u32::MAX);
    if let Some(space) = out.get_mut(at..at + 4) {
        space.copy_from_slice(&len.to_le_bytes());
    }
}

struct Utf8<'a>(&'a mut Vec<u8>);

impl fmt::Write for Utf8<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

#[inline]
fn pack_bytes(tag: u8, text: &str, out: &mut Vec<u8>) {
    // A text of 4 GiB is beyond every line; the worker finds its length wrong and says so.
    let len = u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes();
    let [a, b, c, d] = len;
    out.extend_from_slice(&[tag, a, b, c, d]);
    out.extend_from_slice(text.as_bytes());
}

struct Packer<'a> {
    out: &'a mut Vec<u8>,
    levels: u32,
    /// The next text is JSON.
    raw: bool,
}

impl Packer<'_> {
    #[inline]
    fn number<const N: usize>(&mut self, tag: u8, bytes: [u8; N]) {
        self.out.push(tag);
        self.out.extend_from_slice(&bytes);
    }

    #[inline]
    fn open(&mut self, tag: u8) -> Result<(), PackError> {
        self.levels += 1;
        if LEVELS_MAX < self.levels {
            return Err(PackError::Deep);
        }
        self.out.push(tag);
        Ok(())
    }

    #[inline]
    fn close(&mut self) {
        self.levels -= 1;
        self.out.push(tag::END);
    }

    /// `{"variant":`, for what follows.
    fn open_variant(&mut self, variant: &str) -> Result<(), PackError> {
        self.open(tag::MAP)?;
        pack_text(variant, self.out);
        Ok(())
    }
}

macro_rules! numbers {
    ($($method:ident: $type:ty => $tag:ident $as:ty;)*) => { $(
        #[inline]
        fn $method(self, value: $type) -> Result<(), PackError> {
            self.number(tag::$tag, <$as>::from(value).to_le_bytes());
            Ok(())
        }
    )* };
}

impl<'a, 'b> ser::Serializer for &'a mut Packer<'b> {
    type Ok = ();
    type Error = PackError;
    type SerializeSeq = Open<'a, 'b>;
    type SerializeTuple = Open<'a, 'b>;
    type SerializeTupleStruct = Open<'a, 'b>;
    type SerializeTupleVariant = Open<'a, 'b>;
    type SerializeMap = Open<'a, 'b>;
    type SerializeStruct = Open<'a, 'b>;
    type SerializeStructVariant = Open<'a, 'b>;

    numbers! {
        serialize_u8: u8 => U64 u64;
        serialize_u16: u16 => U64 u64;
        serialize_u32: u32 => U64 u64;
        serialize_u64: u64 => U64 u64;
        serialize_u128: u128 => U128 u128;
        serialize_i8: i8 => I64 i64;
        serialize_i16: i16 => I64 i64;
        serialize_i32: i32 => I64 i64;
        serialize_i64: i64 => I64 i64;
        serialize_i128: i128 => I128 i128;
        serialize_f32: f32 => F32 f32;
        serialize_f64: f64 => F64 f64;
    }

    fn serialize_bool(self, value: bool) -> Result<(), PackError> {
        self.out.push(if value { tag::TRUE } else { tag::FALSE });
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), PackError> {
        pack_text(value.encode_utf8(&mut [0; 4]), self.out);
        Ok(())
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<(), PackError> {
        let tag = if self.raw { tag::JSON } else { tag::TEXT };
        pack_bytes(tag, value, self.out);
        Ok(())
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<(), PackError> {
        pack_shown(value, self.out);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), PackError> {
        value.serialize(self)
    }

    fn serialize_none(self) -> Result<(), PackError> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), PackError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), PackError> {
        self.out.push(tag::NULL);
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), PackError> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<(), PackError> {
        pack_text(variant, self.out);
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), PackError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), PackError> {
        self.open_variant(variant)?;
        value.serialize(&mut *self)?;
        self.close();
        Ok(())
    }

    #[inline]
    fn serialize_seq(self, _len: Option<usize>) -> Result<Open<'a, 'b>, PackError> {
        self.open(tag::LIST)?;
        Ok(Open::one(self))
    }

    #[inline]
    fn serialize_tuple(self, len: usize) -> Result<Open<'a, 'b>, PackError> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        len: usize,
    ) -> Result<Open<'a, 'b>, PackError> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Open<'a, 'b>, PackError> {
        self.open_variant(variant)?;
        self.open(tag::LIST)?;
        Ok(Open::two(self))
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Open<'a, 'b>, PackError> {
        self.open(tag::MAP)?;
        Ok(Open::one(self))
    }

    fn serialize_struct(self, name: &'static str, _len: usize) -> Result<Open<'a, 'b>, PackError> {
        if name == RAW_VALUE {
            return Ok(Open {
                packer: self,
                levels: 0,
            });
        }
        self.open(tag::MAP)?;
        Ok(Open::one(self))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Open<'a, 'b>, PackError> {
        self.open_variant(variant)?;
        self.open(tag::MAP)?;
        Ok(Open::two(self))
    }
}

/// A list or a map that is being packed, and how many levels end with it; with none, it is JSON that
/// somebody else wrote.
pub(super) struct Open<'a, 'b> {
    packer: &'a mut Packer<'b>,
    levels: u32,
}

impl<'a, 'b> Open<'a, 'b> {
    #[inline]
    fn one(packer: &'a mut Packer<'b>) -> Open<'a, 'b> {
        Open { packer, levels: 1 }
    }

    fn two(packer: &'a mut Packer<'b>) -> Open<'a, 'b> {
        Open { packer, levels: 2 }
    }

    #[inline]
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), PackError> {
        value.serialize(&mut *self.packer)
    }

    fn field<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), PackError> {
        if self.levels == 0 {
            self.packer.raw = true;
            let packed = self.element(value);
            self.packer.raw = false;
            return packed;
        }
        pack_text(key, self.packer.out);
        self.element(value)
    }

    #[inline]
    fn finish(self) {
        (0..self.levels).for_each(|_| self.packer.close());
    }
}

macro_rules! elements {
    ($($name:ident $method:ident;)*) => { $(
        impl ser::$name for Open<'_, '_> {
            type Ok = ();
            type Error = PackError;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), PackError> {
                self.element(value)
            }

            #[inline]
            fn end(self) -> Result<(), PackError> {
                self.finish();
                Ok(())
            }
        }
    )* };
}

elements! {
    SerializeSeq serialize_element;
    SerializeTuple serialize_element;
    SerializeTupleStruct serialize_field;
    SerializeTupleVariant serialize_field;
}

macro_rules! fields {
    ($($name:ident;)*) => { $(
        impl ser::$name for Open<'_, '_> {
            type Ok = ();
            type Error = PackError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), PackError> {
                self.field(key, value)
            }

            fn end(self) -> Result<(), PackError> {
                self.finish();
                Ok(())
            }
        }
    )* };
}

fields! { SerializeStruct; SerializeStructVariant; }

impl ser::SerializeMap for Open<'_, '_> {
    type Ok = ();
    type Error = PackError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), PackError> {
        let at = self.packer.out.len();
        self.element(key)?;
        if self.packer.out.get(at) != Some(&tag::TEXT) {
            // A number or a truth value becomes its text, as in `serde_json`; all else is refused there.
            self.packer.out.truncate(at);
            let text =
                serde_json::to_string(key).map_err(|it| PackError::Refused(it.to_string()))?;
            if text.starts_with(['[', '{', 'n']) {
                return Err(PackError::Refused("a key must be a text".to_owned()));
            }
            pack_text(text.trim_matches('"'), self.packer.out);
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), PackError> {
        self.element(value)
    }

    fn end(self) -> Result<(), PackError> {
        self.finish();
        Ok(())
    }
}
