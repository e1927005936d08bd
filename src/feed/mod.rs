//! What comes from outside: public trades minute by minute, and what an exchange says.
//!
//! Not here: a connection to anything. Whoever has one hands over what it says.

pub mod bybit;
pub mod window;
