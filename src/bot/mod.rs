//! What a bot embeds: its session, its trade log, its cache, its metrics and the guard of its limits while it
//! trades.
//!
//! Not here: what cron runs and what a person asks for; those three kinds of user never meet.

pub mod cache;
mod guard;
mod hooks;
mod live;
pub mod market_data;
mod recorded;
pub mod recorder;
pub mod replay;
mod session;
mod tradelog;

pub use cache::Cache;
pub use guard::{GuardError, RiskGuard};
pub use hooks::{HookError, Logged, RiskCheck, Spread, SpreadParameters, TradingClient};
pub use live::{Every, LiveError, LiveMetrics, LiveOptions};
pub use recorded::{Outside, Recorded, Replayed};
pub use recorder::{Recorder, RecorderConfig};
pub use replay::{Replay, ReplayClock, ReplayError, ReplayOptions, Strictness};
pub use session::{Session, SessionError, Settings};
pub use tradelog::{
    DecisionEntry, ErrorEntry, FillEntry, LogRecord, StrategyName, StrategyNameError, TradeLog,
    TradeLogError, TradeLogOptions, write_csv, write_json,
};
