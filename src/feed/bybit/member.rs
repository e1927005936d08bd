//! The members of an object as they came.
//!
//! Always true: a number keeps its digits, a text its characters, and a member that nobody here knows its
//! place.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// What a member has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Member {
    /// A text, without its quotes.
    Text(Box<str>),
    /// Anything else, as JSON.
    Json(Box<str>),
}

impl Member {
    /// Its text, or its JSON.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Member::Text(text) | Member::Json(text) => text,
        }
    }

    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> Cow<'_, str> {
        match self {
            Member::Text(text) => serde_json::to_string(text).unwrap_or_default().into(),
            Member::Json(json) => Cow::Borrowed(json),
        }
    }
}

impl<'de> Deserialize<'de> for Member {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Member, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        Ok(match serde_json::from_str::<Box<str>>(raw) {
            Ok(text) => Member::Text(text),
            Err(_) => Member::Json(raw.into()),
        })
    }
}

/// The members of one object, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members(Vec<(Box<str>, Member)>);

impl Members {
    /// Its members.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Member)> {
        self.0.iter().map(|(name, member)| (&**name, member))
    }

    /// The member of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Member> {
        let mut found = self.iter().filter(|(it, _)| *it == name);
        found.next().map(|(_, member)| member)
    }

    /// Its text or JSON, and nothing for one that is empty.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)
            .map(Member::as_str)
            .filter(|it| !it.is_empty())
    }

    /// A whole number, as a number or as a text.
    #[must_use]
    pub fn whole(&self, name: &str) -> Option<i64> {
        self.text(name)?.parse().ok()
    }

    /// Gives a member its value, in its place where it has one.
    pub fn set(&mut self, name: &str, member: Member) {
        match self.0.iter_mut().find(|(it, _)| **it == *name) {
            Some((_, old)) => *old = member,
            None => self.0.push((name.into(), member)),
        }
    }

    /// As an object of JSON, of the members whose names are wanted.
    #[must_use]
    pub fn to_json(&self, is_wanted: impl Fn(&str) -> bool) -> String {
        let mut json = String::from("{");
        for (name, member) in self.iter().filter(|(name, _)| is_wanted(name)) {
            if json.len() > 1 {
                json.push(',');
            }
            json.push_str(&serde_json::to_string(name).unwrap_or_default());
            json.push(':');
            json.push_str(&member.to_json());
        }
        json.push('}');
        json
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Members, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some((name, member)) = map.next_entry::<Box<str>, Member>()? {
                    members.push((name, member));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::{Member, Members};

    #[test]
    fn members_stay_as_they_came() {
        let json =
            r#"{"price":"0.10","n":1e400,"flag":false,"list":[ 1 ],"none":null,"é\"":"a\nb"}"#;
        let members: Members = serde_json::from_str(json).unwrap();
        assert_eq!(members.to_json(|_| true), json);
        assert_eq!(members.get("price"), Some(&Member::Text("0.10".into())));
        assert_eq!(members.text("n"), Some("1e400"));
        assert_eq!(members.whole("n"), None);
        assert_eq!(members.get("other"), None);
    }
}
