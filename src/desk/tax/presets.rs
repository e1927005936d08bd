//! Tables for importers: the headers that each one knows.
//!
//! Always true:
//! - A preset is here only where its header is documented; what an importer cannot say is left out and
//!   counted.
//! - An importer that makes the term of the dates gets, where the day of the purchase would give another
//!   term, the day since when the lot counts as held. Such rows are counted: the form itself has the day of
//!   the purchase.
//!
//! Not here: Drake, whose columns count by their order, and the documented orders contradict each other from
//! year to year; H&R Block and FreeTaxUSA, of which no header is documented; the universal template of
//! TurboTax, which has transactions and not lots.

use std::fmt;
use std::str::FromStr;

use crate::record::field::AssetClass;

use super::filing::{Filing, Row};
use super::form_box::Kind;
use super::left_out::{LeftOut, sifted};
use super::printed::{Column, Printed};
use super::table::{Cell, exact, table, text, us_date};

/// More rows than that TaxAct did not take at once in 2019.
const TAXACT_ROWS_MAX: usize = 2000;

/// An importer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Preset {
    /// TaxAct's import of Form 1099-B.
    TaxAct,
    /// TurboTax's old import of crypto gains and losses.
    TurboTaxCrypto,
    /// The same with the header that others saw.
    TurboTaxCryptoNamed,
    /// The generic format of TXF Express.
    TxfExpress,
}

/// A file for an importer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresetFile {
    /// What is in it.
    pub bytes: Vec<u8>,
    /// How many rows are in it.
    pub rows: usize,
    /// What the importer cannot say.
    pub left_out: LeftOut,
    /// How many rows have another day than that of the purchase.
    pub dated_otherwise: usize,
    /// How many rows the importer takes at most, where there are more.
    pub rows_max: Option<usize>,
}

/// A word that is no preset.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be taxact, turbotax-crypto, turbotax-crypto-named or txf-express, got {0:?}")]
pub struct UnknownPreset(pub String);

impl Preset {
    /// All of them.
    pub const ALL: [Preset; 4] = [
        Preset::TaxAct,
        Preset::TurboTaxCrypto,
        Preset::TurboTaxCryptoNamed,
        Preset::TxfExpress,
    ];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Preset::TaxAct => "taxact",
            Preset::TurboTaxCrypto => "turbotax-crypto",
            Preset::TurboTaxCryptoNamed => "turbotax-crypto-named",
            Preset::TxfExpress => "txf-express",
        }
    }

    /// The file of a year for it.
    #[must_use]
    pub fn file(self, filing: &Filing<'_>) -> PresetFile {
        let (rows, left_out) = sifted(filing, |it| self.can_say(it));
        let printed = rows.iter().map(|it| Printed::of(filing, it));
        PresetFile {
            bytes: table(self.columns(), printed),
            rows: rows.len(),
            left_out,
            dated_otherwise: match self {
                Preset::TaxAct => 0,
                _ => rows.iter().filter(|it| it.is_dated_otherwise()).count(),
            },
            rows_max: match self {
                Preset::TaxAct => Some(TAXACT_ROWS_MAX).filter(|it| *it < rows.len()),
                _ => None,
            },
        }
    }

    fn can_say(self, row: &Row<'_>) -> bool {
        let is_crypto = row.buy.asset_class == AssetClass::Crypto;
        match self {
            // Its categories are A to F.
            Preset::TaxAct => row.form_box.kind() == Kind::Security,
            // The others have no column for an adjustment.
            Preset::TurboTaxCrypto | Preset::TurboTaxCryptoNamed => {
                is_crypto && row.code().is_empty()
            }
            Preset::TxfExpress => row.form_box.txf_number().is_some() && row.code().is_empty(),
        }
    }

    fn columns(self) -> &'static [Column] {
        match self {
            Preset::TaxAct => &TAXACT,
            Preset::TurboTaxCrypto => &TURBOTAX_CRYPTO,
            Preset::TurboTaxCryptoNamed => &TURBOTAX_CRYPTO_NAMED,
            Preset::TxfExpress => &TXF_EXPRESS,
        }
    }
}

impl FromStr for Preset {
    type Err = UnknownPreset;

    fn from_str(word: &str) -> Result<Preset, UnknownPreset> {
        let known = Preset::ALL.into_iter().find(|it| it.name() == word);
        known.ok_or_else(|| UnknownPreset(word.to_owned()))
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The day of the purchase, or the one that gives the row's term.
fn dated(printed: &Printed<'_>) -> Cell {
    exact(us_date(printed.row.date_for_term()))
}

/// A wash sale is a `W` in its own column and the adjustment on the same row. The column for other codes is
/// left away, since a `W` in both could be counted twice. The category says the term, so the day of the
/// purchase is the real one, and the column for the term is only for rows with `VARIOUS`.
const TAXACT: [Column; 8] = [
    ("Description", |it| text(it.row.description())),
    ("Date Acquired", |it| {
        exact(us_date(it.row.disposal.acquired))
    }),
    ("Date Sold", |it| it.sold()),
    ("Sales Proceeds", |it| it.proceeds()),
    ("Cost or Other Basis", |it| it.basis()),
    ("Wash Sale", |it| exact(it.row.code())),
    ("Adjustment Amount", |it| it.adjustment()),
    ("Reporting Category", |it| exact(it.row.form_box)),
];

const TURBOTAX_CRYPTO: [Column; 5] = [
    ("ASSET NAME", |it| text(it.row.asset())),
    ("RECEIVED DATE", dated),
    ("COST BASIS(USD)", |it| it.basis()),
    ("DATE SOLD", |it| it.sold()),
    ("PROCEEDS", |it| it.proceeds()),
];

const TURBOTAX_CRYPTO_NAMED: [Column; 5] = [
    ("Currency Name", |it| text(it.row.asset())),
    ("Purchase Date", dated),
    ("Cost Basis", |it| it.basis()),
    ("Date Sold", |it| it.sold()),
    ("Proceeds", |it| it.proceeds()),
];

const TXF_EXPRESS: [Column; 7] = [
    ("Symbol", |it| text(it.row.asset())),
    ("Quantity", |it| exact(it.row.disposal.quantity)),
    ("Date Acquired", dated),
    ("Cost", |it| it.basis()),
    ("Date Sold", |it| it.sold()),
    ("Proceeds", |it| it.proceeds()),
    ("Gain", |it| it.gain()),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::books::tax::{Cents, Term};
    use crate::desk::tax::testing::{Year, day, lines};

    #[test]
    fn taxact_has_the_wash_sale_on_its_row() {
        let year = Year::new();
        let file = Preset::TaxAct.file(&year.filing());
        let wanted = "Description,Date Acquired,Date Sold,Sales Proceeds,Cost or Other Basis,Wash Sale,\
            Adjustment Amount,Reporting Category\n\
            100 sh. XYZ,03/03/2025,06/10/2025,1234.50,1500.49,W,265.99,A\n\
            60 sh. XYZ,06/20/2025,12/15/2025,1199.00,879.59,,,A\n\
            10 sh. ABC,01/10/2023,12/20/2025,300.00,500.00,W,80.00,F\n";
        assert_eq!(lines(file.bytes), wanted);
        assert_eq!((file.rows, file.left_out.rows), (3, 1));
        assert_eq!((file.dated_otherwise, file.rows_max), (0, None));
    }

    /// TXF Express makes the term of the dates; TaxAct is told it by the category.
    #[test]
    fn an_importer_of_dates_gets_the_day_that_makes_the_term() {
        let mut year = Year::new();
        let second = year.book.disposals.get_mut(3).unwrap();
        second.holding_start = day("2024-12-01");
        second.term = Term::Long;
        let file = Preset::TxfExpress.file(&year.filing());
        assert_eq!(file.dated_otherwise, 1);
        let text = lines(file.bytes);
        assert!(
            text.contains("XYZ,60,12/01/2024,879.59,12/15/2025,"),
            "{text}"
        );
        let file = Preset::TaxAct.file(&year.filing());
        assert_eq!(file.dated_otherwise, 0);
        let text = lines(file.bytes);
        assert!(
            text.contains("60 sh. XYZ,06/20/2025,12/15/2025,1199.00,879.59,,,D\n"),
            "{text}"
        );
    }

    #[test]
    fn crypto_for_turbotax_has_one_of_two_headers() {
        let year = Year::new();
        let file = Preset::TurboTaxCrypto.file(&year.filing());
        assert_eq!(
            lines(file.bytes),
            "ASSET NAME,RECEIVED DATE,COST BASIS(USD),DATE SOLD,PROCEEDS\n\
             BTC,01/05/2024,20010.00,02/01/2025,29985.00\n"
        );
        assert_eq!((file.rows, file.left_out.rows), (1, 3));
        let file = Preset::TurboTaxCryptoNamed.file(&year.filing());
        assert_eq!(
            lines(file.bytes),
            "Currency Name,Purchase Date,Cost Basis,Date Sold,Proceeds\n\
             BTC,01/05/2024,20010.00,02/01/2025,29985.00\n"
        );
    }

    /// It has no column for what does not count: 1234.50 + 300.00 + 29985.00 are left out.
    #[test]
    fn txf_express_leaves_out_what_it_cannot_say() {
        let year = Year::new();
        let file = Preset::TxfExpress.file(&year.filing());
        assert_eq!(
            lines(file.bytes),
            "Symbol,Quantity,Date Acquired,Cost,Date Sold,Proceeds,Gain\n\
             XYZ,60,06/20/2025,879.59,12/15/2025,1199.00,319.41\n"
        );
        assert_eq!(file.left_out.rows, 3);
        assert_eq!(file.left_out.figures.proceeds, Cents::new(3_151_950));
    }

    #[test]
    fn taxact_takes_two_thousand_rows() {
        let mut year = Year::new();
        let first = year.book.disposals.get(2).cloned().unwrap();
        year.book.washes.clear();
        year.book.disposals = (1..=2001)
            .map(|piece| crate::books::tax::Disposal {
                piece,
                ..first.clone()
            })
            .collect();
        assert_eq!(Preset::TaxAct.file(&year.filing()).rows_max, Some(2000));
        year.book.disposals.pop();
        assert_eq!(Preset::TaxAct.file(&year.filing()).rows_max, None);
    }

    #[test]
    fn a_preset_has_a_name() {
        for preset in Preset::ALL {
            assert_eq!(preset.name().parse(), Ok(preset));
        }
        assert!("drake".parse::<Preset>().is_err());
    }
}
