//! A bot's client live, recorded or replayed: one trait, one bot, one argument that says which.
//!
//! Always true:
//! - A recorded client answers what the client in it answers; a replayed one has no client at all.
//! - What is recorded of a method and what a replay is asked are made of the same tokens, so they cannot
//!   drift apart.
//!
//! Not here: what is recorded ([`Recorder`]), and what is answered ([`Replay`]).

use std::{fmt, marker::PhantomData, sync::Arc};

use super::{Recorder, Replay};
use crate::time::Clock;

/// A client whose every call is recorded. It has the methods of the traits that
/// [`recorded!`](crate::recorded) was told of.
#[derive(Clone, Debug)]
pub struct Recorded<C> {
    client: C,
    recorder: Recorder,
}

impl<C> Recorded<C> {
    /// `client`, recorded by `recorder`: as many clients as there are, each wrapped, may share one.
    #[must_use]
    pub fn new(client: C, recorder: &Recorder) -> Recorded<C> {
        Recorded {
            client,
            recorder: recorder.clone(),
        }
    }

    /// The client, for what is not recorded.
    #[must_use]
    pub fn client(&self) -> &C {
        &self.client
    }

    /// The client and its recorder: for `recorded!`.
    #[doc(hidden)]
    pub fn with_recorder(&self) -> (&C, &Recorder) {
        (&self.client, &self.recorder)
    }

    /// The same, for a method that changes the client.
    #[doc(hidden)]
    pub fn with_recorder_mut(&mut self) -> (&mut C, &Recorder) {
        (&mut self.client, &self.recorder)
    }
}

/// What stands in the place of a client of type `C` and answers from a recording.
pub struct Replayed<C> {
    replay: Replay,
    client: PhantomData<fn() -> C>,
}

impl<C> Replayed<C> {
    /// In the place of one of the clients that were recorded; all share the replay.
    #[must_use]
    pub fn new(replay: &Replay) -> Replayed<C> {
        Replayed {
            replay: replay.clone(),
            client: PhantomData,
        }
    }

    /// The replay: for `recorded!`.
    #[doc(hidden)]
    #[must_use]
    pub fn with_replay(&self) -> &Replay {
        &self.replay
    }
}

impl<C> Clone for Replayed<C> {
    fn clone(&self) -> Replayed<C> {
        Replayed::new(&self.replay)
    }
}

impl<C> fmt::Debug for Replayed<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Replayed").field(&self.replay).finish()
    }
}

/// The world outside of a bot: what a bot is built on, so that it is built once.
#[derive(Clone, Debug)]
pub enum Outside<C> {
    /// The client itself.
    Live(C),
    /// The client, and what it said is recorded.
    Recorded(Recorded<C>),
    /// What was recorded.
    Replayed(Replayed<C>),
}

impl<C> Outside<C> {
    /// The client itself.
    #[must_use]
    pub fn live(client: C) -> Outside<C> {
        Outside::Live(client)
    }

    /// The client, recorded.
    #[must_use]
    pub fn recorded(client: C, recorder: &Recorder) -> Outside<C> {
        Outside::Recorded(Recorded::new(client, recorder))
    }

    /// A recording of such a client.
    #[must_use]
    pub fn replayed(replay: &Replay) -> Outside<C> {
        Outside::Replayed(Replayed::new(replay))
    }

    /// The clock that belongs to it: that of the replay, else `live`.
    #[must_use]
    pub fn clock(&self, live: Arc<dyn Clock>) -> Arc<dyn Clock> {
        match self {
            Outside::Replayed(replayed) => Arc::new(replayed.replay.clock()),
            Outside::Live(_) | Outside::Recorded(_) => live,
        }
    }
}

/// Makes a trait of a client that can be recorded and replayed, one line a method: the trait, and
/// implementations for [`Recorded<C>`](crate::bot::Recorded), [`Replayed<C>`](crate::bot::Replayed) and
/// [`Outside<C>`](crate::bot::Outside) of every client `C` that has it.
///
/// A method takes `&self` or `&mut self` and arguments that can be serialised, and returns a `Result<T, E>`
/// (or an alias of one): `T` can be serialised and read back, `E` is shown by `Display` when it is recorded
/// and made from a [`ReplayError`](crate::bot::ReplayError) when it is replayed. `#[output]` stands before
/// what the bot tells the world, such as an order: a replay compares it.
///
/// ```
/// use tradejournal::bot::{Outside, Replay, ReplayError, ReplayOptions};
/// use tradejournal::record::{CallRecord, Record as _};
///
/// tradejournal::recorded! {
///     /// What the bot needs of a broker.
///     trait Broker {
///         fn last_price(&self, symbol: &str) -> Result<String, ReplayError>;
///         #[output]
///         fn place_order(&mut self, symbol: &str, quantity: u32) -> Result<u64, ReplayError>;
///     }
/// }
///
/// fn trade(mut broker: impl Broker) -> Result<u64, ReplayError> {
///     let price = broker.last_price("AAPL")?;
///     broker.place_order("AAPL", if price.as_str() < "200" { 10 } else { 5 })
/// }
///
/// struct Schwab; // the real client: `trade(Outside::recorded(Schwab::log_in()?, &recorder))`
/// # impl Broker for Schwab {
/// #     fn last_price(&self, _: &str) -> Result<String, ReplayError> { Ok(String::new()) }
/// #     fn place_order(&mut self, _: &str, _: u32) -> Result<u64, ReplayError> { Ok(0) }
/// # }
/// let recorded = [
///     r#"{"timestamp":"2024-01-08T14:30:00Z","method":"last_price","args":["AAPL"],"kwargs":{},"result":"185.20","duration_ns":0}"#,
///     r#"{"timestamp":"2024-01-08T14:30:01Z","method":"place_order","args":["AAPL",10],"kwargs":{},"result":7,"duration_ns":0,"role":"output"}"#,
/// ].map(|it| CallRecord::decode(it.as_bytes()).unwrap());
/// let replay = Replay::of(recorded, ReplayOptions::new())?;
/// assert_eq!(trade(Outside::<Schwab>::replayed(&replay))?, 7);
/// replay.finish()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// An `async fn` becomes a method whose future is `Send`, so that any runtime can move it; a client may
/// implement it with `async fn`. Such a trait says `trait Broker: Send + Sync`.
///
/// For a trait that is there already, in the same crate: `recorded! { impl Broker { .. } }`, with the lines
/// of all its methods.
#[macro_export]
macro_rules! recorded {
    // --- One method of the trait -----------------------------------------------------------------
    (@declare [$($kept:tt)*] #[output] $($rest:tt)*) => {
        $crate::recorded! { @declare [$($kept)*] $($rest)* }
    };
    (@declare [$($kept:tt)*] #[$($mark:tt)*] $($rest:tt)*) => {
        $crate::recorded! { @declare [$($kept)* #[$($mark)*]] $($rest)* }
    };
    (@declare [$($kept:tt)*] async fn $method:ident ($($params:tt)*) -> $answer:ty;) => {
        $($kept)*
        fn $method($($params)*) -> impl ::core::future::Future<Output = $answer> + ::core::marker::Send;
    };
    (@declare [$($kept:tt)*] fn $method:ident ($($params:tt)*) -> $answer:ty;) => {
        $($kept)*
        fn $method($($params)*) -> $answer;
    };

    // --- One method of a recorded client: `begin` for an input, `begin_output` for an output --------
    (@record $begin:ident #[output] $($rest:tt)*) => {
        $crate::recorded! { @record begin_output $($rest)* }
    };
    (@record $begin:ident #[$($mark:tt)*] $($rest:tt)*) => {
        $crate::recorded! { @record $begin $($rest)* }
    };
    (@record $begin:ident $trait:path; async fn $method:ident
        (&mut $self:ident $(, $arg:ident: $type:ty)* $(,)?) -> $answer:ty;) => {
        async fn $method(&mut $self $(, $arg: $type)*) -> $answer {
            let (client, recorder) = $self.with_recorder_mut();
            let call = recorder.$begin(stringify!($method), &($(&$arg,)*));
            call.run_async(<C as $trait>::$method(client $(, $arg)*)).await
        }
    };
    (@record $begin:ident $trait:path; async fn $method:ident
        (&$self:ident $(, $arg:ident: $type:ty)* $(,)?) -> $answer:ty;) => {
        async fn $method(&$self $(, $arg: $type)*) -> $answer {
            let (client, recorder) = $self.with_recorder();
            let call = recorder.$begin(stringify!($method), &($(&$arg,)*));
            call.run_async(<C as $trait>::$method(client $(, $arg)*)).await
        }
    };
    (@record $begin:ident $trait:path; fn $method:ident
        (&mut $self:ident $(, $arg:ident: $type:ty)* $(,)?) -> $answer:ty;) => {
        fn $method(&mut $self $(, $arg: $type)*) -> $answer {
            let (client, recorder) = $self.with_recorder_mut();
            let call = recorder.$begin(stringify!($method), &($(&$arg,)*));
            call.run(move || <C as $trait>::$method(client $(, $arg)*))
        }
    };
    (@record $begin:ident $trait:path; fn $method:ident
        (&$self:ident $(, $arg:ident: $type:ty)* $(,)?) -> $answer:ty;) => {
        fn $method(&$self $(, $arg: $type)*) -> $answer {
            let (client, recorder) = $self.with_recorder();
            let call = recorder.$begin(stringify!($method), &($(&$arg,)*));
            call.run(move || <C as $trait>::$method(client $(, $arg)*))
        }
    };

    // --- One method of a replayed client: `call` for an input, `output` for an output ---------------
    (@replay $ask:ident #[output] $($rest:tt)*) => {
        $crate::recorded! { @replay output $($rest)* }
    };
    (@replay $ask:ident #[$($mark:tt)*] $($rest:tt)*) => {
        $crate::recorded! { @replay $ask $($rest)* }
    };
    (@replay $ask:ident async fn $method:ident
        (&mut $self:ident $(, $arg:ident: $type:ty)* $(,)?) -> $answer:ty;) => {
        async fn $method(&mut $self $(, $arg: $type)*) -> $answer {
            $self.with_replay().$ask(stringify!($method), &($(&$arg,)*))
        }
    };
    (@replay $ask:ident async fn $method:ident
        (&$self:ident $(, $arg:ident: $type:ty)* $(,)?) -> $answer:ty;) => {
        async fn $method(&$self $(, $arg: $type)*) -> $answer {
            $self.with_replay().$ask(stringify!($method), &($(&$arg,)*))
        }
    };
    (@replay $ask:ident fn $method:ident
        (&mut $self:ident $(, $arg:ident: $type:ty)* $(,)?) -> $answer:ty;) => {
        fn $method(&mut $self $(, $arg: $type)*) -> $answer {
            $self.with_replay().$ask(stringify!($method), &($(&$arg,)*))
        }
    };
    (@replay $ask:ident fn $method:ident
        (&$self:ident $(, $arg:ident: $type:ty)* $(,)?) -> $answer:ty;) => {
        fn $method(&$self $(, $arg: $type)*) -> $answer {
            $self.with_replay().$ask(stringify!($method), &($(&$arg,)*))
        }
    };

    // --- One method of whichever it is -----------------------------------------------------------
    (@outside #[$($mark:tt)*] $($rest:tt)*) => {
        $crate::recorded! { @outside $($rest)* }
    };
    (@outside $trait:path; async fn $method:ident
        (&mut $self:ident $(, $arg:ident: $type:ty)* $(,)?) -> $answer:ty;) => {
        async fn $method(&mut $self $(, $arg: $type)*) -> $answer {
            $crate::recorded!(@either $self, $trait, $method, ($($arg),*), .await)
        }
    };
    (@outside $trait:path; async fn $method:ident
        (&$self:ident $(, $arg:ident: $type:ty)* $(,)?) -> $answer:ty;) => {
        async fn $method(&$self $(, $arg: $type)*) -> $answer {
            $crate::recorded!(@either $self, $trait, $method, ($($arg),*), .await)
        }
    };
    (@outside $trait:path; fn $method:ident
        (&mut $self:ident $(, $arg:ident: $type:ty)* $(,)?) -> $answer:ty;) => {
        fn $method(&mut $self $(, $arg: $type)*) -> $answer {
            $crate::recorded!(@either $self, $trait, $method, ($($arg),*),)
        }
    };
    (@outside $trait:path; fn $method:ident
        (&$self:ident $(, $arg:ident: $type:ty)* $(,)?) -> $answer:ty;) => {
        fn $method(&$self $(, $arg: $type)*) -> $answer {
            $crate::recorded!(@either $self, $trait, $method, ($($arg),*),)
        }
    };
    (@either $self:ident, $trait:path, $method:ident, ($($arg:ident),*), $($await:tt)*) => {
        match $self {
            $crate::bot::Outside::Live(it) => {
                <C as $trait>::$method(it $(, $arg)*)$($await)*
            }
            $crate::bot::Outside::Recorded(it) => {
                <$crate::bot::Recorded<C> as $trait>::$method(it $(, $arg)*)$($await)*
            }
            $crate::bot::Outside::Replayed(it) => {
                <$crate::bot::Replayed<C> as $trait>::$method(it $(, $arg)*)$($await)*
            }
        }
    };

    // --- A trait that is there already -----------------------------------------------------------
    (
        impl $trait:path {
            $( $(#[$($mark:tt)*])* $($word:ident)+ ($($params:tt)*) -> $answer:ty; )*
        }
    ) => {
        impl<C: $trait> $trait for $crate::bot::Recorded<C> {
            $( $crate::recorded! {
                @record begin $(#[$($mark)*])* $trait; $($word)+ ($($params)*) -> $answer;
            } )*
        }

        impl<C> $trait for $crate::bot::Replayed<C> {
            $( $crate::recorded! {
                @replay call $(#[$($mark)*])* $($word)+ ($($params)*) -> $answer;
            } )*
        }

        impl<C: $trait> $trait for $crate::bot::Outside<C> {
            $( $crate::recorded! {
                @outside $(#[$($mark)*])* $trait; $($word)+ ($($params)*) -> $answer;
            } )*
        }
    };

    // --- A trait that is declared here -----------------------------------------------------------
    (
        $(#[$attribute:meta])*
        $visible:vis trait $trait:ident $(: $above:ident $(+ $more:ident)*)? {
            $( $(#[$($mark:tt)*])* $($word:ident)+ ($($params:tt)*) -> $answer:ty; )*
        }
    ) => {
        $(#[$attribute])*
        $visible trait $trait $(: $above $(+ $more)*)? {
            $( $crate::recorded! {
                @declare [] $(#[$($mark)*])* $($word)+ ($($params)*) -> $answer;
            } )*
        }

        $crate::recorded! {
            impl $trait {
                $( $(#[$($mark)*])* $($word)+ ($($params)*) -> $answer; )*
            }
        }
    };
}
