//! The table of a record's fields, from which its types and its door are made.
//!
//! `table!` takes the fields of a record in the order of its JSON and makes:
//! - the record itself, with private fields and a getter for each;
//! - its parts: the same fields, typed and public, for `new`, which checks the rules between them;
//! - its raw form: the same fields as slices of JSON, with their rules for `validator`;
//! - `TryFrom` of the raw form, the one door, which serde and [`Record`](crate::record::Record) use.
//!
//! Always true: each field is parsed once when nothing is wrong. When something is, every field
//! and every rule whose fields could be parsed is looked at, and all that is wrong is reported.

/// Makes the types of one record; the module says what.
macro_rules! table {
    (
        $(#[$doc:meta])*
        pub struct $name:ident, $parts:ident, $raw:ident, $draft:ident, rules $rules:path
            $(, unix $unix:ident, iso $iso:ident)?;
        $( $(#[$field_doc:meta])* $field:ident: $type:ty => $view:ty; )*
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name($parts);

        #[doc = concat!(
            "The typed fields of a [`", stringify!($name), "`]: what [`", stringify!($name),
            "::new`] takes and checks against each other."
        )]
        #[derive(Clone, Debug, PartialEq)]
        pub struct $parts {
            $(
                /// When; written as unix seconds and as RFC 3339.
                pub $unix: $crate::time::Timestamp,
            )?
            $( $(#[$field_doc])* pub $field: $type, )*
        }

        #[doc = concat!("A [`", stringify!($name), "`] as JSON gives it: nothing is checked yet.")]
        #[derive(Clone, Copy, Debug, serde::Deserialize, validator::Validate)]
        #[validate(schema(function = Self::between_fields, skip_on_field_errors = false))]
        pub struct $raw<'a> {
            $(
                /// When, as unix seconds.
                #[serde(borrow, default)]
                #[validate(custom(function = $crate::record::field::rule))]
                pub $unix: $crate::record::field::Given<'a, $crate::record::field::UnixTime>,
                /// The same as RFC 3339.
                #[serde(borrow, default)]
                #[validate(custom(function = $crate::record::field::rule))]
                pub $iso: $crate::record::field::Given<'a, $crate::record::field::IsoTime>,
            )?
            $(
                $(#[$field_doc])*
                #[serde(borrow, default)]
                #[validate(custom(function = $crate::record::field::rule))]
                pub $field: $crate::record::field::Given<'a, $type>,
            )*
        }

        /// The fields that could be parsed, for the rules between them.
        #[allow(dead_code, reason = "not every field stands in a rule with another")]
        struct $draft<'a> {
            $( $field: Option<&'a $type>, )*
            lifetime: std::marker::PhantomData<&'a ()>,
        }

        impl $name {
            /// The names of its fields, in the order of the JSON.
            pub const FIELDS: &'static [&'static str] =
                &[$(stringify!($unix), stringify!($iso),)? $(stringify!($field),)*];

            /// The record of these parts.
            ///
            /// # Errors
            /// Every rule between fields that they break.
            #[inline]
            pub fn new(parts: $parts) -> Result<$name, $crate::record::Invalid> {
                let mut problems = Vec::new();
                let draft = $draft {
                    $( $field: Some(&parts.$field), )*
                    lifetime: std::marker::PhantomData,
                };
                $rules(&draft, &mut problems);
                $crate::record::Invalid::unless_empty(problems, $name::FIELDS)?;
                Ok($name(parts))
            }

            /// All fields.
            #[must_use]
            pub fn parts(&self) -> &$parts {
                &self.0
            }

            /// All fields, to make another record of them.
            #[must_use]
            pub fn into_parts(self) -> $parts {
                self.0
            }

            $(
                /// When.
                #[must_use]
                #[inline]
                pub fn $unix(&self) -> $crate::time::Timestamp {
                    self.0.$unix
                }
            )?

            $(
                $(#[$field_doc])*
                #[must_use]
                #[inline]
                pub fn $field(&self) -> $view {
                    $crate::record::field::View::view(&self.0.$field)
                }
            )*

            /// Appends every field with a comma before it, without braces.
            #[inline]
            pub(crate) fn write_fields(&self, out: &mut Vec<u8>) {
                $(
                    out.extend_from_slice(concat!(",\"", stringify!($unix), "\":").as_bytes());
                    let unix = $crate::record::field::UnixTime::from(self.0.$unix);
                    $crate::record::field::Field::write(&unix, out);
                    out.extend_from_slice(concat!(",\"", stringify!($iso), "\":").as_bytes());
                    $crate::record::field::Field::write(&self.0.$unix, out);
                )?
                $(
                    out.extend_from_slice(concat!(",\"", stringify!($field), "\":").as_bytes());
                    $crate::record::field::Field::write(&self.0.$field, out);
                )*
            }

            /// Appends the record as one JSON object.
            #[inline]
            #[allow(dead_code, reason = "what stands inside another object has no use for it")]
            pub(crate) fn write_object(&self, out: &mut Vec<u8>) {
                let start = out.len();
                self.write_fields(out);
                // The first field has no comma before it: that is where the object opens.
                if let Some(first) = out.get_mut(start) {
                    *first = b'{';
                }
                out.push(b'}');
            }

            /// Shows every free text.
            pub(crate) fn visit_texts(&self, visit: &mut dyn FnMut(&'static str, &str)) {
                $( $crate::record::field::Field::texts(&self.0.$field, stringify!($field), visit); )*
            }

            /// The door for JSON.
            pub(crate) fn from_json(json: &str) -> Result<$name, $crate::record::Invalid> {
                $crate::record::door::raw::<$raw<'_>>(json)?.try_into()
            }
        }

        impl<'a> TryFrom<$raw<'a>> for $name {
            type Error = $crate::record::Invalid;

            fn try_from(raw: $raw<'a>) -> Result<$name, $crate::record::Invalid> {
                match raw.parts() {
                    Some(parts) => $name::new(parts),
                    None => Err(raw.report()),
                }
            }
        }

        impl $raw<'_> {
            /// The typed fields, if each of them keeps its rule.
            fn parts(&self) -> Option<$parts> {
                Some($parts {
                    $( $unix: $crate::record::field::agreed(&self.$unix, &self.$iso)?, )?
                    $( $field: self.$field.read().ok()?, )*
                })
            }

            #[cold]
            fn report(&self) -> $crate::record::Invalid {
                let errors = validator::Validate::validate(self).err().unwrap_or_default();
                $crate::record::Invalid::from_validation(errors, $name::FIELDS)
            }

            fn between_fields(&self) -> Result<(), validator::ValidationError> {
                let mut problems = Vec::new();
                $(
                    $crate::record::field::agreement(
                        &self.$unix, &self.$iso, stringify!($iso), &mut problems,
                    );
                )?
                $( let $field = self.$field.read().ok(); )*
                let draft = $draft {
                    $( $field: $field.as_ref(), )*
                    lifetime: std::marker::PhantomData,
                };
                $rules(&draft, &mut problems);
                $crate::record::invalid::between_fields(&problems)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeStruct as _;
                use $crate::record::field::Shown;
                let mut fields = to.serialize_struct(stringify!($name), $name::FIELDS.len())?;
                $(
                    let unix = $crate::record::field::UnixTime::from(self.0.$unix);
                    fields.serialize_field(stringify!($unix), &Shown(&unix))?;
                    fields.serialize_field(stringify!($iso), &Shown(&self.0.$unix))?;
                )?
                $( fields.serialize_field(stringify!($field), &Shown(&self.0.$field))?; )*
                fields.end()
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<$name, D::Error> {
                let json = Box::<serde_json::value::RawValue>::deserialize(from)?;
                $name::from_json(json.get()).map_err(serde::de::Error::custom)
            }
        }
    };
}

/// Puts a record made by `table!` into its stream.
macro_rules! record_in {
    ($stream:expr, $name:ident, $timestamp:ident) => {
        impl $crate::record::Record for $name {
            const STREAM: $crate::record::Stream = $stream;
            const FIELDS: &'static [&'static str] = $name::FIELDS;

            fn timestamp(&self) -> $crate::time::Timestamp {
                self.0.$timestamp
            }

            fn encode(&self, out: &mut Vec<u8>) {
                self.write_object(out);
            }

            fn decode_str(json: &str) -> Result<Self, $crate::record::Invalid> {
                $name::from_json(json)
            }

            fn texts(&self, visit: &mut dyn FnMut(&'static str, &str)) {
                self.visit_texts(visit);
            }
        }
    };
}

/// A record without rules between its fields.
pub(crate) fn no_rules<D>(_: &D, _: &mut Vec<crate::record::Problem>) {}

pub(crate) use {record_in, table};
