//! What all documents share: a client, a builder, and runs that can be watched and awaited.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::assembly::Assembly;

/// A client that a [`Builder`](crate::Builder) makes. Only this crate implements it.
pub trait Document: Sized {
    #[doc(hidden)]
    fn assembled(assembly: Assembly) -> Self;
}

/// The error body of a document.
pub trait ErrorBody: Serialize + DeserializeOwned + std::fmt::Debug + Send + Sync + 'static {}

impl<E: Serialize + DeserializeOwned + std::fmt::Debug + Send + Sync + 'static> ErrorBody for E {}

/// A document's module: its client, which wraps the generated one, and re-exports of the generated module.
macro_rules! document {
    ($($generated:ident)::+, $event:ty, $ended:ty, $refusal:ty) => {
        document!(client of $($generated)::+, $ended, $refusal);

        /// Watches a run: see [`Client::watch`].
        pub type Watch = $crate::watch::Watch<'static, $event, $refusal>;

        impl Client {
            /// The events of a run, from its first to its last, over as many connections as it takes: a stream that
            /// breaks is resumed after the last received event. [`Watch`]($crate::watch::Watch) has the settings.
            pub fn watch(&self, run_id: impl Into<String>) -> Watch {
                $crate::streamed::watch(self.clone(), run_id.into())
            }

            /// Waits until a run has ended, and returns its final state. Polls the run if a server does not stream.
            /// [`Wait::at_most`]($crate::wait::Wait::at_most) sets a time limit.
            pub fn wait(&self, run_id: impl Into<String>) -> Wait {
                $crate::streamed::wait(self.clone(), run_id.into())
            }
        }
    };
    // For documents without streams.
    ($($generated:ident)::+, $ended:ty, $refusal:ty) => {
        document!(client of $($generated)::+, $ended, $refusal);

        impl Client {
            /// Waits until a run has ended, and returns its final state, by polling.
            /// [`Wait::at_most`]($crate::wait::Wait::at_most) sets a time limit.
            pub fn wait(&self, run: impl Into<String>) -> Wait {
                $crate::polled::wait(self.clone(), run.into())
            }
        }
    };
    (client of $($generated:ident)::+, $ended:ty, $refusal:ty) => {
        pub use $($generated)::+::*;

        /// The client. Call `SomethingRequest { .. }.send(&client)`, or the method of an operation, whose parameters
        /// are in alphabetical order. Clones share connections.
        #[derive(Debug, Clone)]
        pub struct Client($($generated)::+::Client, $crate::assembly::Assembly);

        /// Waits for a run: see [`Client::wait`].
        pub type Wait = $crate::wait::Wait<'static, $ended, $refusal>;

        impl Client {
            /// A client of the server at this base URL, for example `http://127.0.0.1:8081`.
            pub fn builder(url: impl Into<String>) -> $crate::Builder<Self> {
                $crate::Builder::new(url)
            }

            /// The same client for another user: it gets tokens from this provider, and shares connections and all
            /// settings. For programs that call on behalf of many users.
            #[must_use]
            pub fn with_token_provider(&self, provider: impl $crate::TokenProvider) -> Self {
                $crate::document::Document::assembled(self.1.with_token_provider(provider))
            }
        }

        impl ::std::ops::Deref for Client {
            type Target = $($generated)::+::Client;

            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }

        impl $crate::document::Document for Client {
            fn assembled(assembly: $crate::assembly::Assembly) -> Self {
                let (url, http, behaviour) = assembly.parts();
                Self($($generated)::+::Client::new_with_client(url, http, behaviour), assembly)
            }
        }
    };
}

/// How runs are watched in documents whose streams resume after a `seq` in the query, and whose runs say whether they
/// have ended.
#[cfg(any(feature = "run-gateway", feature = "run-coordinator", feature = "runyard"))]
macro_rules! runs_by_seq {
    ($has_ended:expr) => {
        impl $crate::streamed::Runs for Client {
            type Event = RunEvent;
            type Refusal = types::ErrorEnvelope;
            type Ended = types::Run;

            async fn open(&self, run_id: &str, after: Option<u64>) -> Result<ResponseValue<ByteStream>, Error> {
                self.stream_run_events(run_id, $crate::streamed::seq(after), None, None).await
            }

            async fn ended(&self, run_id: &str) -> Result<Option<types::Run>, Error> {
                let run = self.get_run(run_id).await?.into_inner();
                let has_ended: fn(&types::Run) -> bool = $has_ended;
                Ok(has_ended(&run).then_some(run))
            }
        }
    };
}
