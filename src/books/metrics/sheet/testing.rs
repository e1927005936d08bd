//! Closed trades for the tests of the tear sheet.
