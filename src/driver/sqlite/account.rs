//! What happens to one's own account: a table for each kind.
//!
//! Always true:
//! - An execution has one row. Of an order, a position and a wallet every state has one, told once or often.
//! - A socket's row is a repeat when each of its members is the same. A request's row is one too when the
//!   state that it tells is there under the same time: requests and sockets name some members differently.
//!
//! Not here: what a state means.

use std::fmt::Write as _;
use std::sync::LazyLock;

use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::columns::{self, Columns, EXECUTION, ORDER, POSITION, WALLET};
use crate::feed::bybit::{AccountKind, AccountRow, Members, Millis, Origin};

/// A table of the account.
pub(super) struct Table {
    pub(super) name: &'static str,
    /// The columns before the members.
    pub(super) key: &'static [&'static str],
    pub(super) columns: Columns,
    /// Members that are in the key.
    pub(super) named: &'static [&'static str],
    /// The column of its time.
    pub(super) time: &'static str,
}

/// The table of that kind.
pub(super) const fn table(kind: AccountKind) -> &'static Table {
    match kind {
        AccountKind::Execution => &Table {
            name: "executions",
            key: &["category", "symbol", "exec_id", "exec_time_ms"],
            columns: EXECUTION,
            named: &["category", "symbol", "execId", "execTime"],
            time: "exec_time_ms",
        },
        AccountKind::Order => &Table {
            name: "orders",
            key: &["category", "symbol", "order_id", "updated_time_ms"],
            columns: ORDER,
            named: &["category", "symbol", "orderId", "updatedTime"],
            time: "updated_time_ms",
        },
        AccountKind::Position => &Table {
            name: "position_snapshots",
            key: &["category", "symbol", "position_idx", "updated_time_ms"],
            columns: POSITION,
            named: &["category", "symbol", "positionIdx", "updatedTime"],
            time: "updated_time_ms",
        },
        AccountKind::Wallet => &Table {
            name: "wallet_snapshots",
            key: &["account_type", "time_ms"],
            columns: WALLET,
            named: &["accountType"],
            time: "time_ms",
        },
    }
}

static INSERTS: LazyLock<[String; 4]> = LazyLock::new(|| {
    AccountKind::ALL.map(|kind| {
        let Table {
            name, key, columns, ..
        } = table(kind);
        let after: &[&str] = match kind {
            AccountKind::Execution => &["origin", "received_ms", "run_id"],
            _ => &["digest", "origin", "received_ms", "run_id"],
        };
        let insert = columns::insert(name, key, columns, after);
        format!("{insert} ON CONFLICT DO NOTHING")
    })
});

/// An order that a request tells is there where its state of that time is.
const ORDER_TOLD: &str = "\
SELECT 1 FROM orders WHERE category = ?1 AND symbol = ?2 AND order_id = ?3 AND updated_time_ms = ?4
AND (?5 IS NULL OR order_status IS ?5) AND (?6 IS NULL OR cum_exec_qty IS ?6) AND (?7 IS NULL OR price IS ?7)
AND (?8 IS NULL OR qty IS ?8) AND (?9 IS NULL OR cancel_type IS ?9) AND (?10 IS NULL OR reject_reason IS ?10)
AND (?11 IS NULL OR trigger_price IS ?11) LIMIT 1";

const POSITION_TOLD: &str = "\
SELECT 1 FROM position_snapshots
WHERE category = ?1 AND symbol = ?2 AND position_idx = ?3 AND updated_time_ms = ?4
AND (?5 IS NULL OR side IS ?5) AND (?6 IS NULL OR size IS ?6) AND (?7 IS NULL OR leverage IS ?7)
AND (?8 IS NULL OR take_profit IS ?8) AND (?9 IS NULL OR stop_loss IS ?9)
AND (?10 IS NULL OR trailing_stop IS ?10) AND (?11 IS NULL OR position_status IS ?11) LIMIT 1";

/// A wallet that a request tells has no time of its own: it is there where the newest one is the same.
const WALLET_TOLD: &str = "\
SELECT digest FROM wallet_snapshots WHERE account_type = ?1 ORDER BY time_ms DESC, wallet_row_id DESC LIMIT 1";

/// Writes it, and tells whether it was new.
pub(super) fn write(
    connection: &Connection,
    row: &AccountRow,
    origin: Origin,
    received: Millis,
    run: i64,
) -> rusqlite::Result<bool> {
    let digest = match row.kind {
        AccountKind::Execution => None,
        _ => Some(digest(&row.members)),
    };
    if origin == Origin::Request && is_told(connection, row, digest.as_deref())? {
        return Ok(false);
    }
    let Table { columns, named, .. } = table(row.kind);
    let [executions, orders, positions, wallets] = &*INSERTS;
    let insert = match row.kind {
        AccountKind::Execution => executions,
        AccountKind::Order => orders,
        AccountKind::Position => positions,
        AccountKind::Wallet => wallets,
    };
    let mut statement = connection.prepare_cached(insert)?;
    let mut place = 1;
    if row.kind != AccountKind::Wallet {
        let category = row.category.map_or("", |it| it.as_str());
        statement.raw_bind_parameter(1, category)?;
        statement.raw_bind_parameter(2, &*row.symbol)?;
        place = 3;
    }
    statement.raw_bind_parameter(place, &*row.key)?;
    statement.raw_bind_parameter(place + 1, row.time.0)?;
    place = columns::bind(&mut statement, place + 2, columns, named, &row.members)?;
    if let Some(digest) = &digest {
        statement.raw_bind_parameter(place, digest)?;
        place += 1;
    }
    statement.raw_bind_parameter(place, origin.as_str())?;
    statement.raw_bind_parameter(place + 1, received.0)?;
    statement.raw_bind_parameter(place + 2, run)?;
    Ok(statement.raw_execute()? > 0)
}

/// Whether what a request told is known, perhaps in a socket's words.
fn is_told(
    connection: &Connection,
    row: &AccountRow,
    digest: Option<&str>,
) -> rusqlite::Result<bool> {
    let (sql, names) = match row.kind {
        AccountKind::Execution => return Ok(false),
        AccountKind::Wallet => {
            let mut statement = connection.prepare_cached(WALLET_TOLD)?;
            let newest = statement.query_row([&*row.key], |row| row.get::<_, String>(0));
            return Ok(newest.optional()?.as_deref() == digest);
        }
        AccountKind::Order => (
            ORDER_TOLD,
            [
                "orderStatus",
                "cumExecQty",
                "price",
                "qty",
                "cancelType",
                "rejectReason",
                "triggerPrice",
            ],
        ),
        AccountKind::Position => (
            POSITION_TOLD,
            [
                "side",
                "size",
                "leverage",
                "takeProfit",
                "stopLoss",
                "trailingStop",
                "positionStatus",
            ],
        ),
    };
    let category = row.category.map_or("", |it| it.as_str());
    let told = |name: &str| row.members.get(name).map(|it| it.as_str());
    let [a, b, c, d, e, f, g] = names.map(told);
    let mut statement = connection.prepare_cached(sql)?;
    let key = (category, &*row.symbol, &*row.key, row.time.0);
    statement.exists(params![key.0, key.1, key.2, key.3, a, b, c, d, e, f, g])
}

/// Of all members but the market, which requests do not tell, whatever their order.
fn digest(members: &Members) -> String {
    let mut all: Vec<_> = members
        .iter()
        .filter(|(name, _)| *name != "category")
        .collect();
    all.sort_by_key(|(name, _)| *name);
    let mut hash = Sha256::new();
    for (name, member) in all {
        for part in [name, &*member.to_json()] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
    }
    hash.finalize()
        .iter()
        .take(8)
        .fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}
