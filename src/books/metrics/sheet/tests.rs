//! The tear sheet with numbers worked out by hand.
