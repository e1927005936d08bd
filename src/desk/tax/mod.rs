//! Taxes as files: what a journal says of a year, for the form and for whoever checks it.
//!
//! Always true:
//! - Each row leads back to the lines of the journal that it stands on.
//! - Sums were made by [`crate::books::tax`]; here they are put into columns.

mod origin;
pub mod source;

pub use origin::Origin;
