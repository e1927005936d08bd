//! `tj tax reconcile`: a broker's Form 1099-B against the tax book of its account.
//!
//! Always true:
//! - A file with a wrong row is refused as a whole, with every wrong row named; so is one with names
//!   that are no symbols, until each is said to be one.
//! - Nothing is changed. The verdict is that every difference has a cause for which both sides can be right.
//!
//! Not here: the comparison, which is the library's.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use tradejournal::books::tax::Options;
use tradejournal::desk::tax::form1099b::{
    Columns, ColumnsError, CompareError, Form, Named, Reading, Request, compare, suggestions,
};
use tradejournal::desk::tax::source::within_year;

use super::{rules, source};
use crate::args::TaxReconcile;
use crate::commands::Context;
use crate::commands::reconcile::refuse_twice;
use crate::failure::{Failure, Verdict};
use crate::form1099b_view::{self, Found};
use crate::journal;
use crate::output::{Talk, printable};
use crate::rows;
use crate::when;

/// How many wrong rows are named.
const ROWS_NAMED_MAX: usize = 20;

/// Whose form a file is, and how it is read.
#[derive(Debug)]
struct Asked<'a> {
    file: &'a Path,
    named: &'a Named,
    symbols: &'a BTreeMap<String, String>,
    broker_account: Option<&'a str>,
}

pub(super) fn run(args: &TaxReconcile, context: &mut Context<'_>) -> anyhow::Result<Verdict> {
    let zone = rules::zone(&args.rules, &context.settings.tax)?;
    let rules = Options {
        zone: when::books_zone(zone),
        ..rules::options(&args.rules, &context.settings.tax)
    };
    refuse_twice("--map", args.map.iter().map(|it| it.0.name()))?;
    refuse_twice("--symbol", args.symbol.iter().map(|it| it.0.as_str()))?;
    let asked = Asked {
        file: &args.form,
        named: &args.map.iter().cloned().collect(),
        symbols: &args.symbol.iter().cloned().collect(),
        broker_account: args.broker_account.as_deref(),
    };
    let form = form(&asked, context.talk)?;
    refuse_accounts(&asked, &form)?;
    let journal = journal::for_reading(&context.settings)?;
    let source = source::read(&args.source, &journal, &rules, context)?;
    if !source.unread.is_nothing() && !args.source.damaged {
        let failure =
            Failure::new("nothing is compared while a part of the journal cannot be read");
        return Err(failure.hint("--damaged compares what can be read").into());
    }
    let request = Request {
        options: &within_year(rules, args.year),
        executions: &source.executions,
        origins: &source.origins,
        account: &args.account,
        year: args.year,
    };
    refuse_unnamed(&asked, &form, &request, context.talk)?;
    let comparison = compare(&form, &request).map_err(refused)?;
    let found = Found {
        file: asked.file.display().to_string(),
        form: &form,
        account: request.account,
        year: request.year,
        comparison: &comparison,
    };
    form1099b_view::show(&found, context.settings.json, context.out)?;
    context.out.flush()?;
    if !context.settings.json && form.reported.iter().any(|it| it.wash.is_none()) {
        let note = "the file has no column of box 1g, so that disallowed losses are not compared";
        context.talk.note(note);
    }
    let is_explained = comparison.unexplained() == 0 && source.unread.is_nothing();
    Ok(Verdict::found(!is_explained))
}

fn form(asked: &Asked<'_>, talk: &Talk) -> anyhow::Result<Form> {
    let file = asked.file.display();
    let cannot = || format!("cannot read the form in {file}");
    let rows = rows::read(asked.file).with_context(cannot)?;
    let (header, columns) = Columns::among(&rows, asked.named).map_err(|error| {
        let hint = match &error {
            ColumnsError::Missing { column, .. } => format!("name it with --map {column}='...'"),
            _ => "--map NAME=COLUMN names a column".to_owned(),
        };
        Failure::usage(format!("{file}: {error}")).hint(hint)
    })?;
    let reading = Reading {
        columns: &columns,
        symbols: asked.symbols,
        account: asked.broker_account,
    };
    let below = rows.into_iter().skip(header + 1);
    Form::read(below, reading).map_err(|errors| {
        for error in errors.iter().take(ROWS_NAMED_MAX) {
            talk.error(&printable(&format!("{file}:{error}")));
        }
        let rows = match errors.len() {
            1 => "1 row is wrong".to_owned(),
            count => format!("{count} rows are wrong"),
        };
        Failure::new(format!("{file}: {rows}, so nothing was compared")).into()
    })
}

/// Of two accounts in a file one would be compared with the other's trades.
fn refuse_accounts(asked: &Asked<'_>, form: &Form) -> Result<(), Failure> {
    let file = asked.file.display();
    let numbers = || {
        let numbers: Vec<&str> = form.accounts.iter().map(String::as_str).collect();
        numbers.join(", ")
    };
    match asked.broker_account {
        None if 1 < form.accounts.len() => {
            let problem = format!("{file}: it is of several accounts: {}", numbers());
            Err(Failure::usage(problem).hint("--broker-account NUMBER says which one counts"))
        }
        Some(number) if !form.accounts.contains(number) => {
            let problem = format!("--broker-account {number}: {file} has none of it");
            Err(Failure::usage(problem).hint(format!("it has {}", numbers())))
        }
        _ => Ok(()),
    }
}

/// What is called by a name alone is taken for nothing: the name of a company could be that of two shares.
fn refuse_unnamed(
    asked: &Asked<'_>,
    form: &Form,
    request: &Request<'_>,
    talk: &Talk,
) -> anyhow::Result<()> {
    if form.unnamed.is_empty() {
        return Ok(());
    }
    let file = asked.file.display();
    for (name, symbols) in suggestions(form, request).map_err(refused)? {
        let lines = form.unnamed.iter().filter(|it| it.name == name);
        let line = lines.flat_map(|it| &it.reported).map(|it| it.line).next();
        let place = line.map_or(String::new(), |it| format!("{it}: "));
        let perhaps = match symbols.is_empty() {
            true => String::new(),
            false => format!(
                "; the journal sold as many on the same days of {}",
                symbols.join(", ")
            ),
        };
        talk.error(&printable(&format!(
            "{file}:{place}no symbol: {name}{perhaps}"
        )));
    }
    let names = match form.unnamed.len() {
        1 => "1 name is no symbol".to_owned(),
        count => format!("{count} names are no symbols"),
    };
    let failure = Failure::new(format!("{file}: {names}, so nothing was compared"));
    Err(failure
        .hint("--symbol 'NAME=SYMBOL' says what each is; it may be repeated")
        .into())
}

fn refused(error: CompareError) -> anyhow::Error {
    match error {
        CompareError::UnknownAccount { .. } | CompareError::Retirement { .. } => {
            let failure = Failure::usage(error.to_string());
            failure
                .hint("--account is the account's name in the journal")
                .into()
        }
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use rust_decimal::Decimal;
    use serde_json::Value;
    use tradejournal::books::tax::Execution;
    use tradejournal::desk::tax::Origin;
    use tradejournal::record::field::{Action, AssetClass};

    use super::*;

    /// A journal that differs from `1099b-boxes.csv` in three sales: the second account replaces 40 of
    /// 100 ABC, FEE was sold with a fee of 4.95, and NEW was never sold.
    const TRADES: [&str; 9] = [
        "BUY main 2025-03-03 100 XYZ 15 0.49",
        "SELL main 2025-06-10 100 XYZ 12.35 0.50",
        "BUY main 2025-06-20 100 XYZ 12 0",
        "SELL main 2025-12-15 60 XYZ 20 1",
        "BUY main 2025-03-03 100 ABC 10 0",
        "SELL main 2025-06-10 100 ABC 8 0",
        "BUY second 2025-06-20 40 ABC 8 0",
        "BUY main 2025-01-02 50 FEE 10 0",
        "SELL main 2025-07-01 50 FEE 12 4.95",
    ];

    fn executions() -> Vec<Execution<'static>> {
        let execution = |text: &&'static str| {
            let words: Vec<&str> = text.split(' ').collect();
            let decimal = |at: usize| words[at].parse::<Decimal>().unwrap();
            Execution {
                id: Cow::Borrowed(*text),
                at: format!("{}T15:00:00Z", words[2]).parse().unwrap(),
                action: words[0].parse::<Action>().unwrap(),
                symbol: Cow::Borrowed(words[4]),
                quantity: decimal(3),
                price: decimal(5),
                commission: decimal(6),
                account_id: Cow::Borrowed(words[1]),
                order_id: None,
                fee_asset: None,
                fee_value: None,
                asset_class: AssetClass::Equity,
                lots: Vec::new(),
                carried: None,
            }
        };
        TRADES.iter().map(execution).collect()
    }

    fn path(name: &str) -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fixtures/tax")
            .join(name)
    }

    fn read(name: &str, symbols: &[(&str, &str)], account: Option<&str>) -> Form {
        let symbols = symbols
            .iter()
            .map(|it| (it.0.to_owned(), it.1.to_owned()))
            .collect();
        let asked = Asked {
            file: &path(name),
            named: &Named::new(),
            symbols: &symbols,
            broker_account: account,
        };
        let form = form(&asked, &Talk::new()).unwrap();
        refuse_accounts(&asked, &form).unwrap();
        form
    }

    fn with<T>(form: &Form, then: impl Fn(&Found<'_>) -> T) -> T {
        let (executions, options) = (executions(), Options::default());
        let origins: Vec<Option<Origin>> = vec![None; executions.len()];
        let request = Request {
            options: &options,
            executions: &executions,
            origins: &origins,
            account: "main",
            year: 2025,
        };
        let comparison = compare(form, &request).unwrap();
        then(&Found {
            file: "form.csv".to_owned(),
            form,
            account: "main",
            year: 2025,
            comparison: &comparison,
        })
    }

    #[test]
    fn a_form_is_shown_with_each_difference_and_its_cause() {
        let form = read("1099b-boxes.csv", &[], None);
        let (head, rows, last) = with(&form, |it| (it.head(), it.rows(), it.last_line()));
        assert_eq!(
            head,
            "form.csv: 8 rows, 6 lots, 2 of something else; account main in 2025"
        );
        let rows: Vec<String> = rows.iter().map(|it| it.join(" | ")).collect();
        assert_eq!(
            rows,
            [
                "2025-06-10 | ABC | wash | 80.00 | 0.00 | a wash sale with another account, which the broker does \
                 not see; line 6",
                "2025-07-01 | FEE | proceeds | 595.05 | 600.00 | fees of 4.95 are not taken off the proceeds: code \
                 E; line 7",
                "2025-09-02 | NEW | sale | - | 7 | it is not in the journal: `tj reconcile` names what is missing; \
                 line 11",
                "2025-08-01 | OLD | sale | - | 10 | it is not in the journal: `tj reconcile` names what is missing; \
                 line 10",
            ]
        );
        assert_eq!(
            last,
            "2 sales are equal; 2 differ and the cause is known; 2 differ and it is not"
        );
    }

    #[test]
    fn a_program_gets_all_of_it() {
        let form = read("1099b-boxes.csv", &[], None);
        let report: Value = with(&form, |it| serde_json::to_value(it.report()).unwrap());
        assert_eq!(report["is_equal"], false);
        assert_eq!(report["is_explained"], false);
        assert_eq!(report["equal"], 2);
        let wash = &report["sales"][0];
        assert_eq!(wash["symbol"], "ABC");
        assert_eq!(wash["journal"]["wash"], "80.00");
        assert_eq!(wash["differences"][0]["what"], "wash");
        assert_eq!(wash["differences"][0]["is_explained"], true);
        let cause = &wash["differences"][0]["causes"][0];
        assert_eq!(cause["name"], "other_account_wash_sale");
        // 1234.50 + 1199.00 + 800.00 + 595.05, and 600.00 instead of the last.
        assert_eq!(report["totals"]["journal"]["short"]["proceeds"], "3828.55");
        assert_eq!(report["totals"]["broker"]["short"]["proceeds"], "3833.50");
        assert_eq!(report["totals"]["broker"]["long"]["without_basis"], 1);
        assert_eq!(report["totals"]["broker"]["long"]["gain"], Value::Null);
    }

    #[test]
    fn names_of_companies_need_a_symbol() {
        let name = "1099b-several-forms.csv";
        let form = read(name, &[], Some("0001"));
        assert_eq!(form.unnamed[0].name, "ABC CORPORATION COMMON STOCK");
        let form = read(
            name,
            &[("abc corporation common stock", "ABC")],
            Some("0001"),
        );
        assert!(form.unnamed.is_empty());
        assert_eq!((form.rows, form.other), (3, 2));
        let wash = with(&form, |it| it.rows()[0].join(" "));
        assert!(wash.starts_with("2025-06-10 ABC wash 80.00 0.00"), "{wash}");
    }
}
