//! A capture against a simulated exchange, over real sockets into a real database: what it made is there
//! once, or in a gap that is declared.

mod oracle;
mod restarts;
mod scripts;

#[path = "../../../examples/bybit_simulator/simulator.rs"]
pub(crate) mod simulator;
