//! Taxes as files: what a journal says of a year, for the form and for whoever checks it.
//!
//! ```text
//! Book + executions + origins + Boxes -> Filing -+-> form8949, form8949_totals    the form, Schedule D
//!                                                +-> txf, Preset::file            importers
//!                                                +-> lots_audit, wash_sales,
//!                                                |   open_lots                    whoever checks it
//!                                                +-> Summary, explain             whoever asked
//! ```
//!
//! Always true:
//! - Each row leads back to the lines of the journal that it stands on.
//! - Sums were made by [`crate::books::tax`]; here they are put into columns.

mod audit;
mod boxes;
mod explain;
mod figures;
mod filing;
pub mod form1099b;
mod form8949;
mod form_box;
mod left_out;
mod open_lots;
mod origin;
mod presets;
mod printed;
mod review;
pub mod source;
mod summary;
mod table;
#[cfg(test)]
mod testing;
mod txf;
mod wash_sales;

pub use audit::lots_audit;
pub use boxes::{Assignment, BoxError, Boxes};
pub use explain::{Explanation, Section, explain};
pub use figures::Figures;
pub use filing::{Filing, FilingError, Request, Row, year_of_row};
pub use form_box::{FormBox, Kind, Told};
pub use form8949::{Total, TotalOf, form8949, form8949_totals, totals};
pub use left_out::LeftOut;
pub use open_lots::open_lots;
pub use origin::Origin;
pub use presets::{Preset, PresetFile, UnknownPreset};
pub use review::Review;
pub use summary::{OpenWindow, ReasonCount, Summary, TermSum, method_warning};
pub use txf::{Txf, txf};
pub use wash_sales::wash_sales;
