//! `tj`: the program beside the journal.
fn main() {}
