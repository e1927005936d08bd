//! Owns the arguments of the program: what a person asks for becomes a world and its faults.
//!
//! Always true: an argument that is not understood ends the program before anything runs.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::simulator::{Category, Faults, World};

pub(crate) const HELP: &str = "\
usage: bybit_simulator [OPTION]...

Runs a simulated exchange that speaks as Bybit does, prints its two addresses as one line of JSON,
and runs until it is told to stop.

  --seed N               what chance draws from (1)
  --symbols LIST         as linear:BTCUSDT,spot:ETHUSDT
  --rate N               trades in a second, over all symbols (200)
  --tickers N            tickers in a second, over all symbols (50)
  --executions N         executions of the account in a second (0)
  --key K --secret S     the one key that is accepted
  --first-trades N       trades made before anybody can connect (0)
  --first-executions N   executions made before that, over three days (0)
  --clock-skew MS        the exchange's clock against this machine's (0)
  --until N              the market halts after so many trades
  --faults SEED          things go wrong by the script of this seed, which is printed on stderr
  --span SECONDS         within this time (2)
  --firehose TRADES      so many trades as fast as the sockets take them, in place of a market
  --firehose-symbols N   over so many symbols H000USDT, H001USDT and so on, of linear
  --per-frame N          trades in a message of the firehose (10)
  --truth FILE           what was made is written there at the end, as JSON Lines
  --seconds N            ends by itself after so long
  --help                 prints this
";

/// What the program is asked to do.
pub(crate) struct Options {
    pub(crate) world: World,
    pub(crate) faults: Faults,
    pub(crate) truth: Option<PathBuf>,
    pub(crate) seconds: Option<u64>,
}

impl Options {
    /// `None`: help is wanted.
    pub(crate) fn parse(args: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut words = Words(args.collect());
        if words.flag("--help") {
            return Ok(None);
        }
        let mut world = match (words.take("--firehose")?, words.take("--firehose-symbols")?) {
            (Some(trades), symbols) => World::firehose(
                trades,
                symbols.unwrap_or(100),
                words.take("--per-frame")?.unwrap_or(10),
            ),
            (None, None) => World::default(),
            (None, Some(_)) => return Err("--firehose-symbols goes with --firehose".to_owned()),
        };
        words.put("--seed", &mut world.seed)?;
        words.put("--rate", &mut world.trades_per_second)?;
        words.put("--tickers", &mut world.tickers_per_second)?;
        words.put("--executions", &mut world.executions_per_second)?;
        words.put("--first-trades", &mut world.first_trades)?;
        words.put("--first-executions", &mut world.first_executions)?;
        words.put("--clock-skew", &mut world.clock_skew_ms)?;
        world.until = words.take("--until")?;
        if let Some(list) = words.take::<String>("--symbols")? {
            world.symbols = symbols(&list)?;
        }
        world.keys = match (words.take("--key")?, words.take("--secret")?) {
            (Some(key), Some(secret)) => Some((key, secret)),
            (None, None) => None,
            _ => return Err("--key and --secret go together".to_owned()),
        };
        let span = Duration::from_secs_f64(words.take("--span")?.unwrap_or(2.0));
        let faults = words.take("--faults")?;
        let faults = faults.map_or_else(Faults::none, |seed| Faults::seeded(seed, span));
        let options = Self {
            world,
            faults,
            truth: words.take("--truth")?,
            seconds: words.take("--seconds")?,
        };
        match words.0.first() {
            None => Ok(Some(options)),
            Some(word) => Err(format!("{word} is not understood; --help says what is")),
        }
    }
}

struct Words(Vec<String>);

impl Words {
    fn flag(&mut self, name: &str) -> bool {
        let found = self.0.iter().position(|it| it == name);
        found.map(|at| self.0.remove(at)).is_some()
    }

    fn take<T: FromStr>(&mut self, name: &str) -> Result<Option<T>, String> {
        let Some(at) = self.0.iter().position(|it| it == name) else {
            return Ok(None);
        };
        self.0.remove(at);
        if self.0.len() <= at {
            return Err(format!("{name} lacks its value"));
        }
        let value = self.0.remove(at);
        let parsed = value.parse();
        parsed
            .map(Some)
            .map_err(|_| format!("{name} {value}: not understood"))
    }

    fn put<T: FromStr>(&mut self, name: &str, to: &mut T) -> Result<(), String> {
        if let Some(value) = self.take(name)? {
            *to = value;
        }
        Ok(())
    }
}

fn symbols(list: &str) -> Result<Vec<(Category, String)>, String> {
    let one = |it: &str| {
        let (category, symbol) = it
            .split_once(':')
            .ok_or_else(|| format!("{it}: no category"))?;
        Ok((category.parse()?, symbol.to_owned()))
    };
    list.split(',').map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<Options>, String> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn arguments_make_a_world() {
        let line = "--seed 7 --symbols linear:BTCUSDT,spot:ETHUSDT --rate 9 --key K --secret S";
        let options = parse(line).unwrap().unwrap();
        assert_eq!(options.world.seed, 7);
        assert_eq!(
            options.world.symbols[1],
            (Category::Spot, "ETHUSDT".to_owned())
        );
        assert_eq!(options.world.keys, Some(("K".to_owned(), "S".to_owned())));
        assert!(parse("--help").unwrap().is_none());
        for wrong in ["--key K", "--seed", "--seed x", "--symbols BTC", "--what"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
