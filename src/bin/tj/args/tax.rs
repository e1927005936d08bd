//! What can be typed after `tj tax`.
//!
//! Always true: a flag that is not there leaves the choice to `[tax]` of `tj.toml`.
//!
//! Not here: the defaults, which the library's options have.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum, builder::PossibleValuesParser, builder::TypedValueParser};
use tradejournal::books::tax::{LotScope, Method, Split, Tack, WashScope};
use tradejournal::desk::tax::Preset;
use tradejournal::desk::tax::form1099b::Column;
use tradejournal::record::field::{AssetClass, ExecutionMode};

use super::mode;
use crate::settings;

/// The tax forms of a year, with every lot behind them
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    args_conflicts_with_subcommands = true,
    after_help = "\
Writes into --out, all files or none: form8949_YEAR.csv with its totals for Schedule D,
lots_audit_YEAR.csv, open_lots_YEAR-12-31.csv, wash_sales_YEAR.csv, form8949_YEAR.txf and
taxact_YEAR.csv. What they mean, and what is left out, is in docs/TAX.md. Not tax advice.

Exit code 1: written, and somebody has to look at some rows.

Examples:
  tj tax check --year 2025
  tj tax --year 2025 --out taxes --box main=A/D
  tj tax explain 2025-t17-p1
  tj tax reconcile --year 2025 --account main --1099b 1099.csv"
)]
pub(crate) struct Tax {
    #[command(flatten)]
    pub(crate) file: TaxFile,
    #[command(subcommand)]
    pub(crate) what: Option<TaxWhat>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TaxWhat {
    Check(Box<TaxCheck>),
    Explain(Box<TaxExplain>),
    Lots(Box<TaxLots>),
    Reconcile(Box<TaxReconcile>),
}

/// Which year is filed, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct TaxFile {
    /// The year
    #[arg(long, value_name = "YEAR", value_parser = year)]
    pub(crate) year: Option<i32>,
    /// The folder of the files
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) out: PathBuf,
    /// Whole dollars on the form
    #[arg(long)]
    pub(crate) whole_dollars: bool,
    /// What the broker reports of an account: its boxes for short and long; may be repeated
    #[arg(long, value_name = "ACCOUNT=A/D")]
    pub(crate) r#box: Vec<String>,
    /// Also a file for that program; may be repeated
    #[arg(long, value_name = "PROGRAM", value_parser = preset())]
    pub(crate) compat: Vec<Preset>,
    #[command(flatten)]
    pub(crate) source: TaxSource,
    #[command(flatten)]
    pub(crate) rules: TaxRules,
}

/// One row of the form in words: each number, and the lines of the journal that it stands on
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A row is named as in lots_audit_YEAR.csv. Rules and lots must be those of the report.

Examples:
  tj tax explain 2025-t17-p1
  tj tax explain 2025-t17-p1 --prove proofs")]
pub(crate) struct TaxExplain {
    /// The row
    #[arg(value_name = "ROW_ID")]
    pub(crate) row_id: String,
    /// Also write proofs that its lines are in the journal, into that folder
    #[arg(long, value_name = "DIR")]
    pub(crate) prove: Option<PathBuf>,
    /// What the broker reports of an account: its boxes for short and long; may be repeated
    #[arg(long, value_name = "ACCOUNT=A/D")]
    pub(crate) r#box: Vec<String>,
    #[command(flatten)]
    pub(crate) source: TaxSource,
    #[command(flatten)]
    pub(crate) rules: TaxRules,
}

/// Lots, gains and wash sales of trades that a file names, without a journal
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A line is a trade. What has a ? may be missing:
  {\"id\":\"1\",\"timestamp\":\"2025-01-06T15:30:00Z\",\"action\":\"BUY\",\"symbol\":\"AAPL\",\"quantity\":\"10\",
   \"price\":\"243.00\",\"commission\"?:\"1.00\",\"account_id\"?:\"main\",\"order_id\"?,\"fee_asset\"?,\"fee_value\"?,
   \"asset_class\"?:\"equity|fund|crypto\",\"lots\"?:[{\"buy_id\":\"1\",\"quantity\":\"10\"}]}
The order of the lines does not matter. Numbers are texts in quotes, so that they are exact.

Exit code 1: a trade is invalid, or more was sold than was there; with --json the object has `error`.

Examples:
  tj tax lots trades.jsonl
  tj tax lots - --method hifo --year 2025 --json < trades.jsonl
  tj tax lots trades.jsonl --split NVDA=2024-06-10=10:1 --ira roth")]
pub(crate) struct TaxLots {
    /// The trades; `-` or nothing is standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// What was sold in that year, and what was there at its end
    #[arg(long, value_name = "YEAR", value_parser = year)]
    pub(crate) year: Option<i32>,
    /// What a trade is of that does not say it [default: equity]
    #[arg(long, value_name = "CLASS", value_parser = class())]
    pub(crate) asset_class: Option<AssetClass>,
    #[command(flatten)]
    pub(crate) rules: TaxRules,
}

/// Everything that stands in the way of a year's report, or must be known
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit code 1: something stops the report.

Examples:
  tj tax check --year 2025
  tj tax check --year 2025 --opening-lots open_lots_2024-12-31.csv --json")]
pub(crate) struct TaxCheck {
    /// The year
    #[arg(long, value_name = "YEAR", value_parser = year)]
    pub(crate) year: i32,
    #[command(flatten)]
    pub(crate) source: TaxSource,
    #[command(flatten)]
    pub(crate) rules: TaxRules,
}

/// A broker's Form 1099-B against the lots of its account, each difference with its cause
///
/// All that was sold of one symbol on one day is compared: quantity, proceeds, basis, disallowed losses,
/// term, and the days of the purchases where the form has them. Nothing is changed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Columns are found by the names and box numbers that brokers use: symbol, description, quantity, date acquired,
date sold, 1d, 1e, 1g, 2, 5, 12. Shares that are called by a company's name need --symbol.

Exit code 0: nothing differs, or every difference has a cause for which both sides can be right;
1: one has none, or a sale is missing on one side.

Examples:
  tj tax reconcile --year 2025 --account main --1099b 1099.csv
  tj tax reconcile --year 2025 --account main --1099b 1099.csv --symbol 'APPLE INC. COMMON STOCK=AAPL'
  tj tax reconcile --year 2025 --account main --1099b 1099.csv --map proceeds='Net amount' --json")]
pub(crate) struct TaxReconcile {
    /// The year
    #[arg(long, value_name = "YEAR", value_parser = year)]
    pub(crate) year: i32,
    /// The broker's form, a CSV
    #[arg(long = "1099b", value_name = "FILE")]
    pub(crate) form: PathBuf,
    /// The account that it is of, as the journal calls it
    #[arg(long, value_name = "ACCOUNT")]
    pub(crate) account: String,
    /// The broker's number of the account, where the file has several
    #[arg(long, value_name = "NUMBER")]
    pub(crate) broker_account: Option<String>,
    /// What the file calls a column, such as proceeds='Net amount'; may be repeated
    #[arg(long, value_name = "NAME=COLUMN", value_parser = form_column)]
    pub(crate) map: Vec<(Column, String)>,
    /// The symbol of what the broker calls otherwise, by name or CUSIP; may be repeated
    #[arg(long, value_name = "NAME=SYMBOL", value_parser = name_and_symbol)]
    pub(crate) symbol: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) source: TaxSource,
    #[command(flatten)]
    pub(crate) rules: TaxRules,
}

/// Which records of the journal count.
#[derive(Debug, clap::Args)]
pub(crate) struct TaxSource {
    /// Which records count [default: both, each account from the one that has it]
    #[arg(long, value_name = "KIND", value_enum)]
    pub(crate) from: Option<TaxKind>,
    /// Which mode counts
    #[arg(long, value_name = "MODE", value_parser = mode(), ignore_case = true, default_value = "LIVE")]
    pub(crate) mode: ExecutionMode,
    /// A CSV of lots that were bought before the journal, such as last year's open_lots
    #[arg(long, value_name = "FILE")]
    pub(crate) opening_lots: Option<PathBuf>,
    /// Also of a journal that cannot be read in part
    #[arg(long)]
    pub(crate) damaged: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TaxKind {
    /// Trades: entries and exits
    Trades,
    /// Fills
    Fills,
}

/// The rules, each as in `[tax]` of tj.toml where it is not given.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Rules, else as [tax] in tj.toml has them")]
pub(crate) struct TaxRules {
    /// Which lot is sold [default: fifo]
    #[arg(long, value_name = "METHOD", value_parser = method())]
    pub(crate) method: Option<Method>,
    /// The zone of the days [default: America/New_York]
    #[arg(long, value_name = "ZONE")]
    pub(crate) tax_timezone: Option<String>,
    /// Whose lots a sale may take [default: account]
    #[arg(long, value_name = "SCOPE", value_parser = lot_scope())]
    pub(crate) lot_scope: Option<LotScope>,
    /// Which losses wait if it was bought again [default: on]
    #[arg(long, value_name = "WHAT", value_enum)]
    pub(crate) wash_sale: Option<WashSale>,
    /// In which accounts a purchase replaces what was sold [default: taxpayer]
    #[arg(long, value_name = "SCOPE", value_parser = wash_scope())]
    pub(crate) wash_scope: Option<WashScope>,
    /// A retirement account; may be repeated
    #[arg(long, value_name = "ACCOUNT")]
    pub(crate) ira: Vec<String>,
    /// Symbols that are substantially identical, as you say; may be repeated
    #[arg(long, value_name = "A,B", value_parser = settings::identical)]
    pub(crate) wash_identical: Vec<settings::Identical>,
    /// Whether replacements count as held for the days of what they replace as well [default: days]
    #[arg(long, value_name = "HOW", value_parser = tack())]
    pub(crate) tack: Option<Tack>,
    /// Lots that are older than the sold one replace nothing
    #[arg(long)]
    pub(crate) exclude_older: bool,
    /// Lots that one sale closes replace each other
    #[arg(long)]
    pub(crate) same_sale_replaces: bool,
    /// Purchases of taxable accounts replace before those of retirement accounts
    #[arg(long)]
    pub(crate) taxable_first: bool,
    /// Purchases of one order are several
    #[arg(long)]
    pub(crate) ignore_order_id: bool,
    /// Averages also of what the law does not average
    #[arg(long)]
    pub(crate) force_average: bool,
    /// New shares for old from that day on; may be repeated
    #[arg(long, value_name = "SYMBOL=DATE=NEW:OLD", value_parser = settings::split)]
    pub(crate) split: Vec<Split>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum WashSale {
    /// Those of shares and funds, as the law has it
    On,
    /// None
    Off,
    /// Those of crypto too
    All,
}

fn year(text: &str) -> Result<i32, String> {
    let year = text.parse().ok().filter(|it| (1900..=2200).contains(it));
    year.ok_or_else(|| "a year such as 2025".to_owned())
}

fn preset() -> impl TypedValueParser<Value = Preset> {
    PossibleValuesParser::new(Preset::ALL.iter().map(|it| it.name()))
        .try_map(|word| word.parse::<Preset>())
}

fn form_column(text: &str) -> Result<(Column, String), String> {
    let Some((name, title)) = text.split_once('=').filter(|it| !it.1.trim().is_empty()) else {
        return Err("write it as proceeds='Net amount'".to_owned());
    };
    let column = name.parse::<Column>().map_err(|_| {
        let known: Vec<&str> = Column::names().collect();
        format!("`{name}` is none of {}", known.join(", "))
    })?;
    Ok((column, title.to_owned()))
}

fn name_and_symbol(text: &str) -> Result<(String, String), String> {
    let parts = text.rsplit_once('=').map(|it| (it.0.trim(), it.1.trim()));
    match parts.filter(|it| !it.0.is_empty() && !it.1.is_empty()) {
        Some((name, symbol)) => Ok((name.to_owned(), symbol.to_owned())),
        None => Err("write it as 'APPLE INC=AAPL'".to_owned()),
    }
}

fn method() -> impl TypedValueParser<Value = Method> {
    PossibleValuesParser::new(["fifo", "lifo", "hifo", "specid", "average"])
        .try_map(|word| word.parse::<Method>())
}

fn class() -> impl TypedValueParser<Value = AssetClass> {
    PossibleValuesParser::new(AssetClass::ALL.iter().map(|it| it.as_str()))
        .try_map(|word| word.parse::<AssetClass>())
}

fn lot_scope() -> impl TypedValueParser<Value = LotScope> {
    PossibleValuesParser::new(["account", "global"]).map(|word| match word.as_str() {
        "global" => LotScope::Global,
        _ => LotScope::Account,
    })
}

fn wash_scope() -> impl TypedValueParser<Value = WashScope> {
    PossibleValuesParser::new(["taxpayer", "account"]).map(|word| match word.as_str() {
        "account" => WashScope::Account,
        _ => WashScope::Taxpayer,
    })
}

fn tack() -> impl TypedValueParser<Value = Tack> {
    PossibleValuesParser::new(["days", "original"]).map(|word| match word.as_str() {
        "original" => Tack::Original,
        _ => Tack::Days,
    })
}
