//! What comes from outside: public trades, minute by minute.
//!
//! Not here: a connection to anything. Whoever has one hands over what it says.

pub mod window;
