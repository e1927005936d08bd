//! Why somebody does something, as he says it with `--why`: the text goes into the journal for good.
//!
//! Always true: it says something, and has no personal data in it where the journal takes none.

use tradejournal::record::field::Text;
use tradejournal::record::personal;

use crate::failure::Failure;
use crate::settings::Settings;

/// The reason, if it is one.
pub(crate) fn reason(why: &str, settings: &Settings) -> Result<Text, Failure> {
    let kind = personal::find(why).filter(|_| !settings.allow_personal_data.value);
    if let Some(kind) = kind {
        return Err(Failure::usage(format!("--why must not have {kind} in it")));
    }
    let text = why.parse::<Text>();
    text.map_err(|_| Failure::usage("--why must say something"))
}
