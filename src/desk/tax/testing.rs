//! A year that the tests of this folder share, worked out by hand.
//!
//! ```text
//! b1  2025-03-03  buys 100 XYZ at 15, commission 0.49           1500.49
//! s1  2025-06-10  sells 100 XYZ at 12.35, commission 0.50       1235.00 - 0.50 = 1234.50, a loss of 265.99
//! b2  2025-06-20  buys 100 XYZ at 12                            1200.00, replaces all 100: + 265.99
//!                 b1 was held 99 days (28 + 30 + 31 + 10): b2 counts as held since 2025-03-13
//! s2  2025-12-15  sells 60 XYZ at 20, commission 1              1199.00 - (720.00 + 159.59) = 319.41
//!                 265.99 x 60 / 100 = 159.594; 40 are left with 480.00 + 106.40
//! c1  2024-01-05  buys 0.5 BTC at 40000, commission 10          20010.00
//! c2  2025-02-01  sells 0.5 BTC at 60000, commission 15         29985.00 - 20010.00 = 9975.00, long
//! a1  2023-01-10  buys 10 ABC at 50                             500.00
//! a2  2025-12-20  sells 10 ABC at 30                            300.00 - 500.00 = -200.00, long
//! r1  2026-01-05  the retirement account buys 4 ABC             200.00 x 4 / 10 = 80.00 is gone
//! o1  2024-05-01  buys 1 OLD at 1, sold on 2024-06-03 at 2      of another year
//! ```
//!
//! Always true: accounts and trades have names that a spreadsheet would take for formulas, or would have to
//! quote.

use std::borrow::Cow;

use rust_decimal::Decimal;

use crate::books::tax::{
    Book, Cents, Disposal, Execution, OpenLot, Options, Term, Units, Wash, WashRules,
};
use crate::record::Stream;
use crate::record::field::{Action, AssetClass};
use crate::time::Day;

use super::boxes::Boxes;
use super::filing::{Filing, Request};
use super::origin::Origin;

/// Everything that a filing borrows.
pub(super) struct Year {
    pub(super) options: Options,
    pub(super) book: Book,
    pub(super) executions: Vec<Execution<'static>>,
    pub(super) origins: Vec<Option<Origin>>,
    pub(super) boxes: Boxes,
}

impl Year {
    pub(super) fn new() -> Year {
        let executions: Vec<_> = EXECUTIONS.iter().map(|it| execution(it)).collect();
        let origins = (0..executions.len()).map(origin).collect();
        Year {
            options: Options {
                wash: WashRules {
                    ira: vec!["ira".to_owned()],
                    ..WashRules::default()
                },
                open_at: Some(day("2025-12-31")),
                ..Options::default()
            },
            book: book(),
            executions,
            origins,
            boxes: Boxes::parse(2025, ["main=A/D"]).unwrap(),
        }
    }

    pub(super) fn request(&self) -> Request<'_> {
        Request {
            year: 2025,
            options: &self.options,
            book: &self.book,
            executions: &self.executions,
            origins: &self.origins,
            boxes: &self.boxes,
            today: Some(day("2026-01-10")),
            data_through: None,
            whole_dollars: false,
        }
    }

    pub(super) fn filing(&self) -> Filing<'_> {
        Filing::new(self.request()).unwrap()
    }
}

pub(super) fn day(text: &str) -> Day {
    text.parse().unwrap()
}

pub(super) fn units(text: &str) -> Units {
    Units::of(text.parse().unwrap()).unwrap()
}

/// Lines as they are, without the CR that each ends in.
pub(super) fn lines(bytes: Vec<u8>) -> String {
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
    text.replace("\r\n", "\n")
}

/// Name, day, action, symbol, quantity, price, commission, account.
const EXECUTIONS: [&str; 11] = [
    "b1|2025-03-03|buy|XYZ|100|15.00|0.49|main",
    "s1|2025-06-10|sell|XYZ|100|12.35|0.50|main",
    "b2|2025-06-20|buy|XYZ|100|12|0|main",
    "s2|2025-12-15|sell|XYZ|60|20|1|main",
    "c1|2024-01-05|buy|BTC-USD|0.5|40000|10|coins, cold",
    "c2|2025-02-01|sell|BTC-USD|0.5|60000|15|coins, cold",
    "=a1|2023-01-10|buy|ABC|10|50|0|-joint",
    "=a2|2025-12-20|sell|ABC|10|30|0|-joint",
    "@r1|2026-01-05|buy|ABC|4|29|0|ira",
    "o1|2024-05-01|buy|OLD|1|1|0|main",
    "o2|2024-06-03|sell|OLD|1|2|0|main",
];

fn execution(line: &'static str) -> Execution<'static> {
    let cells: Vec<&str> = line.split('|').collect();
    let decimal = |text: &str| text.parse::<Decimal>().unwrap();
    Execution {
        id: Cow::Borrowed(cells[0]),
        at: format!("{}T15:00:00Z", cells[1]).parse().unwrap(),
        action: match cells[2] {
            "buy" => Action::Buy,
            _ => Action::Sell,
        },
        symbol: Cow::Borrowed(cells[3]),
        quantity: decimal(cells[4]),
        price: decimal(cells[5]),
        commission: decimal(cells[6]),
        account_id: Cow::Borrowed(cells[7]),
        order_id: (cells[0] == "b1").then_some(Cow::Borrowed("order-1")),
        fee_asset: None,
        fee_value: None,
        asset_class: match cells[3] {
            "BTC-USD" => AssetClass::Crypto,
            _ => AssetClass::Equity,
        },
        lots: Vec::new(),
        carried: None,
    }
}

/// Each execution is the line of its place; the last one is in no journal.
fn origin(place: usize) -> Option<Origin> {
    let seq = u64::try_from(place).unwrap();
    (place != 10).then(|| Origin {
        stream: Stream::Fills,
        day: day("2025-01-02").plus_days(u32::try_from(place).unwrap()),
        seq: Some(seq),
        hash: Some(format!("{place:04x}")),
    })
}

fn book() -> Book {
    let (short, long) = (Term::Short, Term::Long);
    let old = piece(
        9,
        10,
        "1",
        ["2024-05-01", "2024-05-01", "2024-06-03"],
        short,
    );
    let coins = piece(
        4,
        5,
        "0.5",
        ["2024-01-05", "2024-01-05", "2025-02-01"],
        long,
    );
    let first = piece(
        0,
        1,
        "100",
        ["2025-03-03", "2025-03-03", "2025-06-10"],
        short,
    );
    let second = piece(
        2,
        3,
        "60",
        ["2025-06-20", "2025-03-13", "2025-12-15"],
        short,
    );
    let shares = piece(6, 7, "10", ["2023-01-10", "2023-01-10", "2025-12-20"], long);
    Book {
        disposals: vec![
            sums(old, [200, 200, 100, 0], "0", 0),
            sums(coins, [3_000_000, 2_998_500, 2_001_000, 0], "0", 0),
            sums(first, [123_500, 123_450, 150_049, 0], "100", 26_599),
            sums(second, [120_000, 119_900, 72_000, 15_959], "0", 0),
            sums(shares, [30_000, 30_000, 50_000, 0], "4", 8000),
        ],
        untaxed: Vec::new(),
        washes: washes(),
        open: vec![OpenLot {
            buy: 2,
            quantity: units("40"),
            acquired: day("2025-06-20"),
            holding_start: day("2025-03-13"),
            original_basis: Cents::new(48_000),
            wash_added: Cents::new(10_640),
            replaces: Some(2),
        }],
    }
}

fn washes() -> Vec<Wash> {
    vec![
        Wash {
            loss: 2,
            replacement: 2,
            replaced_on: day("2025-06-20"),
            quantity: units("100"),
            disallowed: Cents::new(26_599),
            days_added: 99,
            is_permanent: false,
        },
        Wash {
            loss: 4,
            replacement: 8,
            replaced_on: day("2026-01-05"),
            quantity: units("4"),
            disallowed: Cents::new(8000),
            days_added: 0,
            is_permanent: true,
        },
    ]
}

/// One without sums; the days are of the purchase, of the beginning of its time, and of the sale.
fn piece(buy: usize, sell: usize, quantity: &str, days: [&str; 3], term: Term) -> Disposal {
    let [acquired, holding_start, sold] = days.map(day);
    assert_eq!(Term::of(holding_start, sold), term);
    Disposal {
        buy,
        sell,
        piece: 1,
        is_fee: false,
        quantity: units(quantity),
        acquired,
        holding_start,
        sold,
        term,
        gross_proceeds: Cents::ZERO,
        proceeds: Cents::ZERO,
        original_basis: Cents::ZERO,
        wash_added: Cents::ZERO,
        replaced: Units::ZERO,
        adjustment: Cents::ZERO,
    }
}

/// The sums are what it was sold for before fees and after them, what it cost, and what losses added to that.
fn sums(piece: Disposal, sums: [i64; 4], replaced: &str, adjustment: i64) -> Disposal {
    let [gross_proceeds, proceeds, original_basis, wash_added] = sums.map(Cents::new);
    Disposal {
        gross_proceeds,
        proceeds,
        original_basis,
        wash_added,
        replaced: units(replaced),
        adjustment: Cents::new(adjustment),
        ..piece
    }
}
