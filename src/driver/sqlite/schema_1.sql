-- Times are milliseconds since 1970 by the exchange's clock, but for `received_ms`, `started_ms`, `ended_ms`,
-- `declared_ms` and `checked_ms`, which are by the clock of the machine that recorded. Prices and sizes are the
-- text that came. `other` has the members that have no column, as an object of JSON.

CREATE TABLE users (
    user_id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    created_ms INTEGER NOT NULL
);

CREATE TABLE bybit_accounts (
    account_id TEXT PRIMARY KEY NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (user_id),
    name TEXT NOT NULL,
    environment TEXT NOT NULL CHECK (environment IN ('mainnet', 'testnet')),
    created_ms INTEGER NOT NULL
);

CREATE TABLE strategies (
    strategy_id TEXT PRIMARY KEY NOT NULL,
    account_id TEXT NOT NULL REFERENCES bybit_accounts (account_id),
    name TEXT NOT NULL,
    created_ms INTEGER NOT NULL
);

-- A run of the program. The account and the strategy are there where an account was recorded.
CREATE TABLE runs (
    run_id INTEGER PRIMARY KEY AUTOINCREMENT,
    status TEXT NOT NULL CHECK (status IN ('running', 'completed', 'error', 'crashed')),
    started_ms INTEGER NOT NULL,
    -- Of a run that crashed: when the last thing came that it wrote; none if it wrote nothing.
    ended_ms INTEGER,
    last_received_ms INTEGER,
    error TEXT,
    version TEXT NOT NULL,
    testnet INTEGER NOT NULL CHECK (testnet IN (0, 1)),
    -- [{"kind":"trades","category":"linear","symbol":"BTCUSDT"}, ...]
    streams TEXT NOT NULL,
    config TEXT NOT NULL,
    account_id TEXT REFERENCES bybit_accounts (account_id),
    strategy_id TEXT REFERENCES strategies (strategy_id)
);

-- `arrival` orders the trades of one message, which may share their time: it counts those of a run.
CREATE TABLE public_trades (
    category TEXT NOT NULL,
    symbol TEXT NOT NULL,
    time_ms INTEGER NOT NULL,
    trade_id TEXT NOT NULL,
    side TEXT NOT NULL,
    price TEXT NOT NULL,
    size TEXT NOT NULL,
    tick_direction TEXT,
    block INTEGER,
    rpi INTEGER,
    seq INTEGER,
    other TEXT,
    origin TEXT NOT NULL,
    received_ms INTEGER NOT NULL,
    run_id INTEGER NOT NULL,
    arrival INTEGER NOT NULL,
    PRIMARY KEY (category, symbol, time_ms, trade_id)
) WITHOUT ROWID;

-- The state of a ticker after each message about it. `cs` is -1 where the exchange tells none.
CREATE TABLE ticker_snapshots (
    category TEXT NOT NULL,
    symbol TEXT NOT NULL,
    time_ms INTEGER NOT NULL,
    cs INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('snapshot', 'delta')),
    complete INTEGER NOT NULL CHECK (complete IN (0, 1)),
    last_price TEXT,
    mark_price TEXT,
    index_price TEXT,
    bid1_price TEXT,
    bid1_size TEXT,
    ask1_price TEXT,
    ask1_size TEXT,
    volume24h TEXT,
    turnover24h TEXT,
    open_interest TEXT,
    open_interest_value TEXT,
    funding_rate TEXT,
    next_funding_time TEXT,
    funding_interval_hour TEXT,
    price24h_pcnt TEXT,
    high_price24h TEXT,
    low_price24h TEXT,
    prev_price24h TEXT,
    prev_price1h TEXT,
    tick_direction TEXT,
    other TEXT,
    received_ms INTEGER NOT NULL,
    run_id INTEGER NOT NULL,
    PRIMARY KEY (category, symbol, time_ms, cs)
) WITHOUT ROWID;

CREATE TABLE executions (
    execution_id INTEGER PRIMARY KEY,
    category TEXT NOT NULL,
    symbol TEXT NOT NULL,
    exec_id TEXT NOT NULL,
    exec_time_ms INTEGER NOT NULL,
    order_id TEXT,
    order_link_id TEXT,
    side TEXT,
    exec_type TEXT,
    exec_price TEXT,
    exec_qty TEXT,
    exec_value TEXT,
    exec_fee TEXT,
    fee_rate TEXT,
    fee_currency TEXT,
    exec_pnl TEXT,
    is_maker INTEGER,
    order_type TEXT,
    order_price TEXT,
    order_qty TEXT,
    leaves_qty TEXT,
    closed_size TEXT,
    stop_order_type TEXT,
    create_type TEXT,
    mark_price TEXT,
    index_price TEXT,
    seq INTEGER,
    other TEXT,
    origin TEXT NOT NULL,
    received_ms INTEGER NOT NULL,
    run_id INTEGER NOT NULL REFERENCES runs (run_id),
    -- When it was written to a journal.
    journaled_ms INTEGER,
    UNIQUE (category, symbol, exec_id)
);
CREATE INDEX executions_by_time ON executions (exec_time_ms);
CREATE INDEX executions_unjournaled ON executions (execution_id) WHERE journaled_ms IS NULL;

-- Every state of an order that was told. `digest` is of all its members.
CREATE TABLE orders (
    order_row_id INTEGER PRIMARY KEY,
    category TEXT NOT NULL,
    symbol TEXT NOT NULL,
    order_id TEXT NOT NULL,
    updated_time_ms INTEGER NOT NULL,
    cum_exec_qty TEXT,
    order_status TEXT,
    order_link_id TEXT,
    side TEXT,
    order_type TEXT,
    price TEXT,
    qty TEXT,
    leaves_qty TEXT,
    leaves_value TEXT,
    cum_exec_value TEXT,
    cum_exec_fee TEXT,
    avg_price TEXT,
    time_in_force TEXT,
    reduce_only INTEGER,
    close_on_trigger INTEGER,
    cancel_type TEXT,
    reject_reason TEXT,
    stop_order_type TEXT,
    trigger_price TEXT,
    take_profit TEXT,
    stop_loss TEXT,
    closed_pnl TEXT,
    fee_currency TEXT,
    create_type TEXT,
    position_idx INTEGER,
    created_time_ms INTEGER,
    other TEXT,
    digest TEXT NOT NULL,
    origin TEXT NOT NULL,
    received_ms INTEGER NOT NULL,
    run_id INTEGER NOT NULL REFERENCES runs (run_id),
    UNIQUE (category, symbol, order_id, updated_time_ms, digest)
);
CREATE INDEX orders_by_time ON orders (updated_time_ms);

CREATE TABLE position_snapshots (
    position_row_id INTEGER PRIMARY KEY,
    category TEXT NOT NULL,
    symbol TEXT NOT NULL,
    position_idx TEXT NOT NULL,
    updated_time_ms INTEGER NOT NULL,
    side TEXT,
    size TEXT,
    entry_price TEXT,
    break_even_price TEXT,
    mark_price TEXT,
    position_value TEXT,
    leverage TEXT,
    liq_price TEXT,
    bust_price TEXT,
    take_profit TEXT,
    stop_loss TEXT,
    trailing_stop TEXT,
    unrealised_pnl TEXT,
    cur_realised_pnl TEXT,
    cum_realised_pnl TEXT,
    position_im TEXT,
    position_mm TEXT,
    position_status TEXT,
    created_time_ms INTEGER,
    seq INTEGER,
    other TEXT,
    digest TEXT NOT NULL,
    origin TEXT NOT NULL,
    received_ms INTEGER NOT NULL,
    run_id INTEGER NOT NULL REFERENCES runs (run_id),
    UNIQUE (category, symbol, position_idx, updated_time_ms, digest)
);
CREATE INDEX position_snapshots_by_time ON position_snapshots (updated_time_ms);

-- `coin` has the coins that came, which are those that changed where a socket told them.
CREATE TABLE wallet_snapshots (
    wallet_row_id INTEGER PRIMARY KEY,
    account_type TEXT NOT NULL,
    time_ms INTEGER NOT NULL,
    total_equity TEXT,
    total_wallet_balance TEXT,
    total_margin_balance TEXT,
    total_available_balance TEXT,
    total_perp_upl TEXT,
    total_initial_margin TEXT,
    total_maintenance_margin TEXT,
    account_im_rate TEXT,
    account_mm_rate TEXT,
    coin TEXT,
    other TEXT,
    digest TEXT NOT NULL,
    origin TEXT NOT NULL,
    received_ms INTEGER NOT NULL,
    run_id INTEGER NOT NULL REFERENCES runs (run_id),
    UNIQUE (account_type, time_ms, digest)
);
CREATE INDEX wallet_snapshots_by_time ON wallet_snapshots (time_ms);

-- What may have been missed. `last_*` is the event before it, `first_*` the one after it, `rest_*` what is
-- missing still.
CREATE TABLE gaps (
    gap_id INTEGER PRIMARY KEY,
    stream TEXT NOT NULL
        CHECK (stream IN ('trades', 'ticker', 'executions', 'orders', 'positions', 'wallet')),
    category TEXT,
    symbol TEXT NOT NULL,
    cause TEXT NOT NULL CHECK (cause IN ('disconnect', 'stall', 'refused', 'overflow', 'restart')),
    detail TEXT NOT NULL,
    declared_ms INTEGER NOT NULL,
    from_ms INTEGER,
    last_ms INTEGER,
    last_id TEXT,
    to_ms INTEGER,
    first_ms INTEGER,
    first_id TEXT,
    state TEXT NOT NULL CHECK (state IN ('open', 'filled', 'partly', 'unfillable')),
    rows_filled INTEGER NOT NULL DEFAULT 0,
    filled_by TEXT,
    rest_from_ms INTEGER,
    rest_to_ms INTEGER,
    checked_ms INTEGER,
    tries INTEGER NOT NULL DEFAULT 0,
    run_id INTEGER NOT NULL REFERENCES runs (run_id)
);
CREATE INDEX gaps_by_state ON gaps (state, stream, category, symbol);
CREATE TRIGGER gaps_filled_stays BEFORE UPDATE OF state ON gaps
WHEN OLD.state = 'filled' AND NEW.state <> 'filled'
BEGIN
    SELECT RAISE(ABORT, 'a gap that is filled stays filled');
END;

-- Messages as they came. `body` is zlib of one entry a message: its time and the length of its text in bytes on a
-- line, its text, the end of a line. `unknown` says why it was kept although nobody asked for all of them.
CREATE TABLE raw_frames (
    frames_id INTEGER PRIMARY KEY,
    connection INTEGER NOT NULL,
    category TEXT,
    first_received_ms INTEGER NOT NULL,
    last_received_ms INTEGER NOT NULL,
    count INTEGER NOT NULL,
    unknown TEXT,
    bytes INTEGER NOT NULL,
    body BLOB NOT NULL,
    run_id INTEGER NOT NULL REFERENCES runs (run_id)
);
CREATE INDEX raw_frames_by_time ON raw_frames (first_received_ms);
CREATE INDEX raw_frames_unknown ON raw_frames (first_received_ms) WHERE unknown IS NOT NULL;
