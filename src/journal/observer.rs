//! Who is told of a closed day and of the passing time: evidence attaches here.

use std::fmt;

use super::Journal;
use super::close::ClosedDay;
use super::upkeep::Ticked;

/// Told what happened, on a thread that no `append` waits for.
pub trait Observer: fmt::Debug + Send + Sync + 'static {
    /// A day was closed and sealed.
    fn day_closed(&self, journal: &Journal, closed: &ClosedDay) {
        let _ = (journal, closed);
    }

    /// About a second went by with the stream open for writing, or its writer is being closed.
    fn ticked(&self, journal: &Journal, ticked: &Ticked) {
        let _ = (journal, ticked);
    }
}
