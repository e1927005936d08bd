//! A capture against a simulated exchange, over real sockets into a real database: what it made is there
//! once, or in a gap that is declared.

mod oracle;
mod scripts;

#[allow(
    unreachable_pub,
    dead_code,
    missing_docs,
    reason = "each user of the simulator takes a part of it"
)]
#[path = "../../../examples/bybit_simulator/simulator.rs"]
pub(crate) mod simulator;
