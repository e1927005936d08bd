//! The types of fields: each has one door, one rule and one text.
//!
//! Always true:
//! - A value of one of these types keeps its rule; there is no other way to make one than through
//!   the door that checks it.
//! - The rule that reads a field from JSON, the rule behind `FromStr` and `TryFrom`, and the rule
//!   that `validator` reports are the same function.
//! - What [`Field::write`] writes, [`Field::read`] reads back, and it writes the same bytes again.
//!
//! Not here: rules between fields. Each record states its own.

mod choice;
mod decimal;
mod hash;
mod json;
mod moment;
mod money;
mod quantity;
mod ratio;
mod session_id;
mod string;
mod symbol;
mod text;
mod version;
pub(crate) mod whole;
mod word;

use std::{fmt, marker::PhantomData};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use validator::ValidationError;

use crate::record::invalid::shortened;

pub use crate::record::invalid::Wrong;
pub use choice::{Action, AlertEvent, AssetClass, ExecutionMode, Outcome, RiskSeverity, Severity};
pub use hash::{ConfigHash, Digest};
pub use json::{Json, JsonObject, Meaning, Members, Number};
pub use moment::{IsoTime, UnixTime};
pub use money::{Amount, Drawdown, Factor, Fee, Money, Price, Size, WinRate};
pub use quantity::Quantity;
pub use ratio::Ratio;
pub use session_id::SessionId;
pub use symbol::Symbol;
pub use text::{AccountId, Asset, FillId, Note, OrderId, OrderType, Pair, Text};
pub use version::BotVersion;
pub use word::Word;

pub(crate) use decimal::{
    difference_is, difference_times, parse as parse_decimal, product, product_is, sum,
    write as write_decimal,
};
pub(crate) use moment::{agreed, agreement};
pub(crate) use string::{unescaped, write_string};

/// A value that can stand in a record.
pub trait Field: Sized {
    /// Reads the text of exactly one JSON value.
    ///
    /// # Errors
    /// [`Wrong`] with the rule that the value breaks.
    fn read(json: &str) -> Result<Self, Wrong>;

    /// What a record has where the field is not there.
    ///
    /// # Errors
    /// [`Wrong`] where the field has to be there.
    fn missing() -> Result<Self, Wrong> {
        Err(Wrong::missing())
    }

    /// Appends the one JSON text of this value.
    fn write(&self, out: &mut Vec<u8>);

    /// Shows the free texts in this value, for the personal-data check.
    fn texts(&self, name: &'static str, visit: &mut dyn FnMut(&'static str, &str)) {
        let _ = (name, visit);
    }
}

/// An absent field and `null` are the same: no value.
impl<F: Field> Field for Option<F> {
    fn read(json: &str) -> Result<Self, Wrong> {
        match json {
            "null" => Ok(None),
            _ => F::read(json).map(Some),
        }
    }

    fn missing() -> Result<Self, Wrong> {
        Ok(None)
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Some(value) => value.write(out),
            None => out.extend_from_slice(b"null"),
        }
    }

    fn texts(&self, name: &'static str, visit: &mut dyn FnMut(&'static str, &str)) {
        if let Some(value) = self {
            value.texts(name, visit);
        }
    }
}

/// A list in which each element keeps the rule of its type.
impl<F: Field> Field for Vec<F> {
    fn read(json: &str) -> Result<Self, Wrong> {
        let elements: Vec<&RawValue> = serde_json::from_str(json)
            .map_err(|_| Wrong::new("must be a list such as [\"VWAP\", \"EMA-9\"]", json))?;
        elements.into_iter().map(|it| F::read(it.get())).collect()
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'[');
        for (index, element) in self.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            element.write(out);
        }
        out.push(b']');
    }

    fn texts(&self, name: &'static str, visit: &mut dyn FnMut(&'static str, &str)) {
        for element in self {
            element.texts(name, visit);
        }
    }
}

/// How a getter shows a field: copied where that is cheap, borrowed otherwise, texts as `&str`
/// where nothing is lost by it.
pub(crate) trait View<'a, V> {
    fn view(&'a self) -> V;
}

impl<T: Copy> View<'_, T> for T {
    #[inline]
    fn view(&self) -> T {
        *self
    }
}

impl<'a, T> View<'a, &'a T> for T {
    #[inline]
    fn view(&'a self) -> &'a T {
        self
    }
}

impl<'a, T> View<'a, Option<&'a T>> for Option<T> {
    #[inline]
    fn view(&'a self) -> Option<&'a T> {
        self.as_ref()
    }
}

impl<'a, T> View<'a, &'a [T]> for Vec<T> {
    #[inline]
    fn view(&'a self) -> &'a [T] {
        self
    }
}

/// A slice of JSON that was given for a field of type `F`, or nothing.
pub struct Given<'a, F> {
    json: Option<&'a RawValue>,
    field: PhantomData<fn() -> F>,
}

impl<'a, F: Field> Given<'a, F> {
    /// The value, if it keeps its rule.
    ///
    /// # Errors
    /// The rule it breaks.
    #[inline]
    pub fn read(&self) -> Result<F, Wrong> {
        match self.json {
            Some(json) => F::read(json.get()),
            None => F::missing(),
        }
    }

    /// The JSON text that was given.
    #[must_use]
    pub fn json(&self) -> Option<&'a str> {
        self.json.map(RawValue::get)
    }
}

impl<'a, F> From<&'a RawValue> for Given<'a, F> {
    fn from(json: &'a RawValue) -> Self {
        Given {
            json: Some(json),
            field: PhantomData,
        }
    }
}

/// Nothing was given.
impl<F> Default for Given<'_, F> {
    fn default() -> Self {
        Given {
            json: None,
            field: PhantomData,
        }
    }
}

impl<F> Clone for Given<'_, F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F> Copy for Given<'_, F> {}

impl<F> fmt::Debug for Given<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.json.map_or("nothing", RawValue::get))
    }
}

impl<'de: 'a, 'a, F> Deserialize<'de> for Given<'a, F> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(from).map(Given::from)
    }
}

/// As the text of a wrong value: what `validator` puts beside a broken rule.
impl<F> Serialize for Given<'_, F> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.json {
            // The text and not the value: not every JSON number has one (`1e400`).
            Some(json) => to.serialize_str(&shortened(json.get())),
            None => to.serialize_none(),
        }
    }
}

/// The rule of every field for `validator`.
pub(crate) fn rule<F: Field>(given: &Given<'_, F>) -> Result<(), ValidationError> {
    match given.read() {
        Ok(_) => Ok(()),
        Err(wrong) => Err(wrong.into_validation()),
    }
}

/// A field for `serde`: the same values as [`Field::write`], in the data model of any format.
pub(crate) struct Shown<'a, F>(pub(crate) &'a F);

impl<F: Field> Serialize for Shown<'_, F> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut json = Vec::new();
        self.0.write(&mut json);
        let json = String::from_utf8(json).map_err(serde::ser::Error::custom)?;
        match json.as_str() {
            "null" => return to.serialize_none(),
            "true" => return to.serialize_bool(true),
            "false" => return to.serialize_bool(false),
            text if text.starts_with('"') => {
                let text = unescaped(text).ok_or_else(|| serde::ser::Error::custom("no text"))?;
                return to.serialize_str(&text);
            }
            _ => {}
        }
        match json.parse::<u64>() {
            Ok(whole) => to.serialize_u64(whole),
            Err(_) => RawValue::from_string(json)
                .map_err(serde::ser::Error::custom)?
                .serialize(to),
        }
    }
}
