//! What a `tj` that was built without the feature `redis` says to whoever names a Redis: how to get one that
//! knows it.

pub(crate) const PROBLEM: &str = "this tj was built without Redis";
pub(crate) const REMEDY: &str =
    "`cargo install --path . --features redis`, in its source, builds one that knows it";

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use crate::args::Args;
    use crate::commands::{self, Context};
    use crate::output::{Out, Talk};
    use crate::settings::Settings;
    use crate::{cache, failure};

    const PROBLEM: &str = "this tj was built without Redis";
    const REMEDY: &str =
        "`cargo install --path . --features redis`, in its source, builds one that knows it";
    const URL: &str = "redis://bot:hunter2@127.0.0.1:1/0";

    fn args(line: &str) -> Args {
        Args::try_parse_from(line.split(' ')).unwrap()
    }

    /// What was said meanwhile, as JSON.
    fn heard(say: impl FnOnce(&Talk)) -> String {
        let talk = Talk::new();
        talk.listen();
        say(&talk);
        serde_json::to_string(&talk.heard()).unwrap()
    }

    #[test]
    fn a_window_with_a_redis_is_refused_and_makes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let storage = folder.path().join("storage");
        for what in ["run --from /dev/null", "flush"] {
            if what == "flush" {
                std::fs::create_dir_all(storage.join(".window")).unwrap();
            }
            let storage = storage.display();
            let line = format!("tj window {what} --storage {storage} --redis {URL}");
            let said = heard(|talk| {
                let result = commands::run(&args(&line), &mut Out::new(), talk);
                failure::conclude(result, talk);
            });
            let files = "; or leave --redis out: the files are the same";
            let wanted = format!(
                r#"[{{"voice":"Error","text":"{PROBLEM}"}},{{"voice":"Hint","text":"{REMEDY}{files}"}}]"#
            );
            assert_eq!(said, wanted, "{line}");
        }
        let left = std::fs::read_dir(storage.join(".window")).unwrap();
        assert_eq!(left.count(), 0);
    }

    #[test]
    fn a_cache_in_a_redis_is_a_warning_and_answers_are_computed() {
        let args = args(&format!("tj metrics --cache {URL}"));
        let settings = Settings::load(&args.global).unwrap();
        let said = heard(|talk| {
            let out = &mut Out::new();
            let context = Context {
                settings,
                out,
                talk,
            };
            assert!(cache::open(&context).is_none());
        });
        let wanted = format!(
            r#"[{{"voice":"Warning","text":"no cache: {PROBLEM}"}},{{"voice":"Hint","text":"{REMEDY}"}}]"#
        );
        assert_eq!(said, wanted);
    }
}
