//! The database against a plain model, and against what happens to files.
