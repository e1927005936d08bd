//! The boxes of Form 8949, each with its line of Schedule D and its number of TXF.
//!
//! Always true: a box says three things: what the broker told the tax office, the term, and whether the row
//! is of the boxes for digital assets, which the form has from 2025.

use std::fmt;

use crate::books::tax::Term;
use crate::record::field::AssetClass;

/// The first year whose form has boxes for digital assets.
const DIGITAL_BOXES_SINCE: i32 = 2025;

/// What a broker told the tax office of a sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Told {
    /// What it was sold for and what it had cost.
    Basis,
    /// Only what it was sold for.
    Proceeds,
    /// Nothing: no form 1099 came.
    Nothing,
}

/// Which boxes a row may be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A to F.
    Security,
    /// G to L.
    Digital,
}

/// A box of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FormBox {
    // In the order of the letters.
    kind: Kind,
    term: Term,
    told: Told,
}

const LETTERS: [char; 12] = ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L'];

impl Kind {
    /// That of a class in a year.
    #[must_use]
    pub fn of(class: AssetClass, year: i32) -> Kind {
        match class {
            AssetClass::Crypto if DIGITAL_BOXES_SINCE <= year => Kind::Digital,
            AssetClass::Equity | AssetClass::Fund | AssetClass::Crypto => Kind::Security,
        }
    }

    /// Whether the form of that year has such boxes.
    #[must_use]
    pub fn is_of(self, year: i32) -> bool {
        self == Kind::Security || DIGITAL_BOXES_SINCE <= year
    }
}

impl FormBox {
    /// The box for that.
    #[must_use]
    pub const fn new(kind: Kind, term: Term, told: Told) -> FormBox {
        FormBox { kind, term, told }
    }

    /// The box of that letter, A to L.
    #[must_use]
    pub fn of_letter(letter: char) -> Option<FormBox> {
        FormBox::all().find(|it| it.letter() == letter)
    }

    /// All, in the order of their letters.
    pub fn all() -> impl Iterator<Item = FormBox> {
        let terms = |kind| [(kind, Term::Short), (kind, Term::Long)];
        let told = [Told::Basis, Told::Proceeds, Told::Nothing];
        let kinds = [Kind::Security, Kind::Digital].into_iter().flat_map(terms);
        kinds.flat_map(move |(kind, term)| told.map(|told| FormBox::new(kind, term, told)))
    }

    /// Whether it is for digital assets.
    #[must_use]
    pub const fn kind(self) -> Kind {
        self.kind
    }

    /// The term of its rows.
    #[must_use]
    pub const fn term(self) -> Term {
        self.term
    }

    /// What the broker told.
    #[must_use]
    pub const fn told(self) -> Told {
        self.told
    }

    /// Its letter.
    #[must_use]
    pub fn letter(self) -> char {
        let place = self.kind as usize * 6 + self.term as usize * 3 + self.told as usize;
        LETTERS.get(place).copied().unwrap_or_default()
    }

    /// The part of the form, `I` for short and `II` for long.
    #[must_use]
    pub const fn part(self) -> &'static str {
        match self.term {
            Term::Short => "I",
            Term::Long => "II",
        }
    }

    /// The line of Schedule D that its total goes to.
    #[must_use]
    pub const fn schedule_d(self) -> &'static str {
        match (self.term, self.told) {
            (Term::Short, Told::Basis) => "1b",
            (Term::Short, Told::Proceeds) => "2",
            (Term::Short, Told::Nothing) => "3",
            (Term::Long, Told::Basis) => "8b",
            (Term::Long, Told::Proceeds) => "9",
            (Term::Long, Told::Nothing) => "10",
        }
    }

    /// The line of Schedule D that rows without an adjustment may go to without Form 8949: only those of
    /// which the basis was told.
    #[must_use]
    pub const fn direct_line(self) -> Option<&'static str> {
        match (self.told, self.term) {
            (Told::Basis, Term::Short) => Some("1a"),
            (Told::Basis, Term::Long) => Some("8a"),
            (Told::Proceeds | Told::Nothing, _) => None,
        }
    }

    /// The reference number of TXF; there are none for digital assets.
    #[must_use]
    pub const fn txf_number(self) -> Option<u16> {
        let number = match (self.term, self.told) {
            (Term::Short, Told::Basis) => 321,
            (Term::Short, Told::Proceeds) => 711,
            (Term::Short, Told::Nothing) => 712,
            (Term::Long, Told::Basis) => 323,
            (Term::Long, Told::Proceeds) => 713,
            (Term::Long, Told::Nothing) => 714,
        };
        match self.kind {
            Kind::Security => Some(number),
            Kind::Digital => None,
        }
    }
}

/// Its letter.
impl fmt::Display for FormBox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.letter().encode_utf8(&mut [0; 4]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_box_has_its_letter_its_line_and_its_number() {
        let found: Vec<String> = FormBox::all()
            .map(|it| {
                let number = it.txf_number().map_or("-".to_owned(), |it| it.to_string());
                let direct = it.direct_line().unwrap_or("-");
                format!("{it} {} {} {direct} {number}", it.part(), it.schedule_d())
            })
            .collect();
        let wanted = [
            "A I 1b 1a 321",
            "B I 2 - 711",
            "C I 3 - 712",
            "D II 8b 8a 323",
            "E II 9 - 713",
            "F II 10 - 714",
            "G I 1b 1a -",
            "H I 2 - -",
            "I I 3 - -",
            "J II 8b 8a -",
            "K II 9 - -",
            "L II 10 - -",
        ];
        assert_eq!(found, wanted);
        assert!(FormBox::all().all(|it| FormBox::of_letter(it.letter()) == Some(it)));
        assert_eq!(FormBox::of_letter('M'), None);
    }

    #[test]
    fn digital_assets_have_boxes_of_their_own_from_2025() {
        assert_eq!(Kind::of(AssetClass::Crypto, 2024), Kind::Security);
        assert_eq!(Kind::of(AssetClass::Crypto, 2025), Kind::Digital);
        assert_eq!(Kind::of(AssetClass::Fund, 2025), Kind::Security);
    }
}
