//! Evidence: who signed which lines since when, and how to show it to somebody who has nothing else.
//!
//! Always true:
//! - The formats are those of transparency logs (RFC 9162 trees, C2SP signed notes, checkpoints and
//!   cosignatures), so that sha256sum and openssl can check them.
//! - Nothing here is on the append path, and no trouble here stops a write.
//!
//! What it cannot show: that lines which nobody signed yet were not cut off, and that the whole
//! folder is not an older copy, unless a checkpoint is kept elsewhere.

pub mod anchor;
pub mod anchors;
pub mod checkpoint;
pub mod checkpoints;
mod exports;
mod fold;
mod keys;
mod leaves;
mod notary;
pub mod note;
mod proof;
mod ring;
pub mod tree;
mod verify;

pub use exports::Exports;
pub use keys::{KeyError, KeyFolder, KeyState, Keyring, Signing};
pub use leaves::{Leaf, Tree, TreeError, promised_range};
pub use notary::{Notary, NotaryError};
pub use proof::{CheckError, Proof, ProveError, Proved, Prover, Stand};
pub use ring::{Ring, RingError, RootKey, RootKeyError};
pub use verify::{EvidenceError, EvidenceFinding, EvidenceKind, EvidenceVerified, Trust, verify};
