//! Which boxes the sales of an account go to, as somebody who has the broker's forms says.
//!
//! Always true:
//! - A journal cannot know what a broker told the tax office: what nobody said is "no form came", and the row
//!   then says that somebody has to look.
//! - The letters decide for which assets an assignment is: from 2025 G to L are for digital assets and A to F
//!   for all else. Until 2024 there are A to F, for both.
//! - No account has two assignments for one kind.

use crate::books::tax::Term;
use crate::record::field::AssetClass;

use super::form_box::{FormBox, Kind, Told};

/// The assignments of one year.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Boxes {
    assigned: Vec<Assignment>,
}

/// The boxes of an account, for one kind of asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The account.
    pub account_id: String,
    /// For what.
    pub kind: Kind,
    /// What the broker told of short-term sales.
    pub short: Told,
    /// What the broker told of long-term sales.
    pub long: Told,
}

/// Why an assignment is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BoxError {
    /// It has another form.
    #[error("must be ACCOUNT=A/D, a short-term box and a long-term one, got {0:?}")]
    Form(String),
    /// The letters are of no box, or of the wrong term.
    #[error(
        "{letters} in {given:?}: the first is one of A, B, C, G, H, I, the second one of D, E, F, J, K, L"
    )]
    Letters {
        /// All of it.
        given: String,
        /// The letters.
        letters: String,
    },
    /// One letter is for digital assets and the other is not.
    #[error(
        "{0:?}: G to L are for digital assets and A to F for all else; give each its own --box"
    )]
    Mixed(String),
    /// The form of that year has no such box.
    #[error("{given:?}: the form of {year} has only the boxes A to F")]
    Year {
        /// All of it.
        given: String,
        /// The year.
        year: i32,
    },
    /// There is one for that already.
    #[error("{0:?}: that account has boxes for such assets already")]
    Twice(String),
}

impl Boxes {
    /// Reads assignments such as `robinhood=A/D`, for the form of a year.
    ///
    /// # Errors
    /// [`BoxError`]: the first one that is none.
    pub fn parse<I>(year: i32, given: I) -> Result<Boxes, BoxError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let mut boxes = Boxes::default();
        for given in given {
            let given = given.as_ref();
            let assignment = assignment(year, given)?;
            if boxes
                .find(&assignment.account_id, assignment.kind)
                .is_some()
            {
                return Err(BoxError::Twice(given.to_owned()));
            }
            boxes.assigned.push(assignment);
        }
        Ok(boxes)
    }

    /// All of them, as they were given.
    #[must_use]
    pub fn assignments(&self) -> &[Assignment] {
        &self.assigned
    }

    /// The box of a sale, and whether somebody said so.
    #[must_use]
    pub fn of(
        &self,
        account_id: &str,
        class: AssetClass,
        year: i32,
        term: Term,
    ) -> (FormBox, bool) {
        let kind = Kind::of(class, year);
        let told = self.find(account_id, kind).map(|it| match term {
            Term::Short => it.short,
            Term::Long => it.long,
        });
        let form_box = FormBox::new(kind, term, told.unwrap_or(Told::Nothing));
        (form_box, told.is_some())
    }

    fn find(&self, account_id: &str, kind: Kind) -> Option<&Assignment> {
        let mut all = self.assigned.iter();
        all.find(|it| it.account_id == account_id && it.kind == kind)
    }
}

fn assignment(year: i32, given: &str) -> Result<Assignment, BoxError> {
    let form = || BoxError::Form(given.to_owned());
    // The account may have an equals sign in it, and letters have none.
    let (account_id, letters) = given.rsplit_once('=').ok_or_else(form)?;
    let (short, long) = letters.split_once('/').ok_or_else(form)?;
    if account_id.is_empty() {
        return Err(form());
    }
    let letter = |text: &str, term: Term| {
        let mut letters = text.chars();
        let only = letters.next().filter(|_| letters.next().is_none());
        let found = only.and_then(|it| FormBox::of_letter(it.to_ascii_uppercase()));
        found.filter(|it| it.term() == term)
    };
    let (Some(short), Some(long)) = (letter(short, Term::Short), letter(long, Term::Long)) else {
        return Err(BoxError::Letters {
            given: given.to_owned(),
            letters: letters.to_owned(),
        });
    };
    if short.kind() != long.kind() {
        return Err(BoxError::Mixed(given.to_owned()));
    }
    if !short.kind().is_of(year) {
        return Err(BoxError::Year {
            given: given.to_owned(),
            year,
        });
    }
    Ok(Assignment {
        account_id: account_id.to_owned(),
        kind: short.kind(),
        short: short.told(),
        long: long.told(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters(boxes: &Boxes, account_id: &str, class: AssetClass, year: i32) -> String {
        let of = |term| match boxes.of(account_id, class, year, term) {
            (it, true) => it.to_string(),
            (it, false) => format!("{it}?"),
        };
        format!("{}/{}", of(Term::Short), of(Term::Long))
    }

    #[test]
    fn an_account_may_have_boxes_for_shares_and_for_crypto() {
        let boxes = Boxes::parse(2025, ["main=A/D", "main=h/k", "a=b=B/D"]).unwrap();
        assert_eq!(letters(&boxes, "main", AssetClass::Equity, 2025), "A/D");
        assert_eq!(letters(&boxes, "main", AssetClass::Fund, 2025), "A/D");
        assert_eq!(letters(&boxes, "main", AssetClass::Crypto, 2025), "H/K");
        assert_eq!(letters(&boxes, "a=b", AssetClass::Equity, 2025), "B/D");
    }

    #[test]
    fn without_a_word_no_form_came() {
        let boxes = Boxes::parse(2025, ["main=A/D"]).unwrap();
        assert_eq!(letters(&boxes, "main", AssetClass::Crypto, 2025), "I?/L?");
        assert_eq!(letters(&boxes, "other", AssetClass::Equity, 2025), "C?/F?");
        assert_eq!(letters(&boxes, "other", AssetClass::Crypto, 2024), "C?/F?");
    }

    #[test]
    fn until_2024_digital_assets_share_the_boxes_of_shares() {
        let boxes = Boxes::parse(2024, ["main=B/E"]).unwrap();
        assert_eq!(letters(&boxes, "main", AssetClass::Crypto, 2024), "B/E");
        assert_eq!(letters(&boxes, "main", AssetClass::Equity, 2024), "B/E");
        let error = Boxes::parse(2024, ["main=G/J"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "\"main=G/J\": the form of 2024 has only the boxes A to F"
        );
    }

    #[test]
    fn what_is_no_pair_of_boxes_is_refused() {
        let error = |given: &str| Boxes::parse(2025, [given]).unwrap_err();
        for given in ["main", "main=A", "=A/D", "main/A/D"] {
            assert_eq!(error(given), BoxError::Form(given.to_owned()));
        }
        for given in ["main=D/A", "main=A/B", "main=X/D", "main=AB/D", "main=/D"] {
            assert!(matches!(error(given), BoxError::Letters { .. }), "{given}");
        }
        assert_eq!(error("m=A/J"), BoxError::Mixed("m=A/J".to_owned()));
        let twice = Boxes::parse(2025, ["m=A/D", "m=B/E"]).unwrap_err();
        assert_eq!(twice, BoxError::Twice("m=B/E".to_owned()));
    }
}
