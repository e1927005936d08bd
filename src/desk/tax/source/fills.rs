//! Executions out of fills: each is one.
//!
//! Always true:
//! - A fill that was written down twice counts once; with other values it is refused.
//! - Fees that an exchange paid are no cost and no part of a gain; they are counted apart.
//!
//! Not here: what a fee was worth that was paid in something else.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use rust_decimal::Decimal;

use super::gathered::{Gathered, Leg, Origins};
use super::pair;
use super::{Named, SourceError, SourceNotes, SourceOptions, UNNAMED_ACCOUNT};
use crate::books::tax::Execution;
use crate::journal::{EntryRef, Journal, ReadError};
use crate::record::field::AssetClass;
use crate::record::{FillRecord, Stream};

/// Reads them.
pub(super) fn gather(
    journal: &Journal,
    options: &SourceOptions,
    mut bad: impl FnMut(ReadError),
) -> Result<Gathered, SourceError> {
    let mut fills = Fills::of(options);
    let mut result = Ok(());
    journal.read::<FillRecord>().visit(|entry| {
        match entry {
            Ok(entry) => result = fills.take(&entry),
            Err(error) => bad(error),
        }
        match result {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    });
    result.map(|()| fills.gathered)
}

struct Fills<'a> {
    options: &'a SourceOptions,
    gathered: Gathered,
    origins: Origins,
    /// By account, symbol and name, since exchanges number the fills of each symbol by themselves.
    known: HashMap<(String, String, String), usize>,
    ids: HashSet<String>,
    place: u64,
}

impl<'a> Fills<'a> {
    fn of(options: &'a SourceOptions) -> Fills<'a> {
        Fills {
            options,
            gathered: Gathered::default(),
            origins: Origins::of(Stream::Fills),
            known: HashMap::new(),
            ids: HashSet::new(),
            place: 0,
        }
    }

    fn take(&mut self, entry: &EntryRef<'_, FillRecord>) -> Result<(), SourceError> {
        let record = entry.record;
        self.place += 1;
        let notes = &mut self.gathered.notes;
        match record.execution_mode() {
            Some(mode) if mode == self.options.mode => notes.counted += 1,
            Some(_) => {
                notes.other_mode += 1;
                return Ok(());
            }
            None => {
                notes.unknown_mode += 1;
                return Ok(());
            }
        }
        let origin = self.origins.origin(&entry.line, record.timestamp());
        let mut execution = execution(record, self.options);
        if let Some(fill_id) = record.fill_id() {
            let key = (
                execution.account_id.to_string(),
                execution.symbol.to_string(),
                fill_id.as_str().to_owned(),
            );
            let known = self
                .known
                .get(&key)
                .and_then(|it| self.gathered.legs.get(*it));
            if let Some(known) = known {
                execution.id = known.execution.id.clone();
                return match execution == known.execution {
                    true => {
                        self.gathered.notes.fills_repeated += 1;
                        Ok(())
                    }
                    false => Err(SourceError::FillsDiffer {
                        fill_id: key.2,
                        symbol: key.1,
                        first: Box::new(known.origin.clone()),
                        second: Box::new(origin),
                    }),
                };
            }
            self.known.insert(key, self.gathered.legs.len());
        }
        execution.id = self.name(record, &execution, origin.seq).into();
        let named = Named {
            id: execution.id.to_string(),
            symbol: execution.symbol.to_string(),
            origin: origin.clone(),
        };
        note(
            record,
            &execution,
            self.options,
            named,
            &mut self.gathered.notes,
        );
        self.gathered.legs.push(Leg {
            place: self.place,
            execution,
            origin,
        });
        Ok(())
    }

    /// The name of the fill, with its symbol and its account where another has it already.
    fn name(&mut self, record: &FillRecord, execution: &Execution<'_>, seq: Option<u64>) -> String {
        let (order, symbol) = (record.order_id().as_str(), &execution.symbol);
        let mut name = match record.fill_id() {
            Some(fill_id) => fill_id.as_str().to_owned(),
            None => {
                let number = seq.unwrap_or(self.place);
                format!("{order}/{}/{number}", execution.at)
            }
        };
        if self.ids.contains(&name) {
            name = format!("{symbol}/{name}");
        }
        if self.ids.contains(&name) {
            name = format!("{}/{name}", execution.account_id);
        }
        self.ids.insert(name.clone());
        name
    }
}

/// What one record says, without a name.
fn execution(record: &FillRecord, options: &SourceOptions) -> Execution<'static> {
    let symbol = record.symbol().as_str();
    let account = record
        .account_id()
        .map_or(UNNAMED_ACCOUNT, |it| it.as_str());
    let fee = record.fee().value();
    let has_fee = fee.mantissa() > 0;
    Execution {
        id: "".into(),
        at: record.timestamp(),
        action: record.side(),
        symbol: symbol.to_owned().into(),
        quantity: record.size().value(),
        price: record.price().value(),
        commission: if has_fee { fee } else { Decimal::ZERO },
        account_id: account.to_owned().into(),
        order_id: Some(record.order_id().as_str().to_owned().into()),
        fee_asset: has_fee.then(|| record.fee_asset().as_str().to_owned().into()),
        fee_value: None,
        asset_class: class(record, options).unwrap_or(AssetClass::Equity),
        lots: Vec::new(),
        carried: None,
    }
}

/// What kind of thing it is: what the record says, else the settings, else crypto for a pair.
fn class(record: &FillRecord, options: &SourceOptions) -> Option<AssetClass> {
    let symbol = record.symbol().as_str();
    let said = record
        .asset_class()
        .or_else(|| options.classes.get(symbol).copied());
    said.or_else(|| pair::parts(symbol).map(|_| AssetClass::Crypto))
}

fn note(
    record: &FillRecord,
    execution: &Execution<'_>,
    options: &SourceOptions,
    named: Named,
    notes: &mut SourceNotes,
) {
    notes.unnamed_accounts += u64::from(record.account_id().is_none());
    let symbol = execution.symbol.as_ref();
    let fee = record.fee().value();
    if fee.mantissa() < 0 {
        notes.rebate(record.fee_asset().as_str(), -fee);
    }
    let class_of = execution.asset_class;
    let is_foreign = |asset: &str| pair::is_foreign(symbol, class_of, asset);
    if execution.fee_asset.as_deref().is_some_and(is_foreign) {
        notes.foreign_fees.push(named);
    }
    let is_said = record.asset_class().is_some() || options.classes.contains_key(symbol);
    if !is_said {
        let symbols = match class(record, options) {
            Some(_) => &mut notes.taken_for_crypto,
            None => &mut notes.unclassed,
        };
        if !symbols.contains(symbol) {
            symbols.insert(symbol.to_owned());
        }
    }
    if execution.asset_class == AssetClass::Crypto {
        let quote = pair::quote(symbol).unwrap_or("?");
        if !pair::is_dollar(quote) {
            match notes.quotes.get_mut(quote) {
                Some(count) => *count += 1,
                None => {
                    notes.quotes.insert(quote.to_owned(), 1);
                }
            }
        }
    }
}
