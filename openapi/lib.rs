//! Runyard's OpenAPI documents in Rust: one module per document, generated when this crate is compiled.
//!
//! A document's module has its schemas (`types`), a struct per request, an enum per success, and the document's
//! `Problem`. It also has a trait to implement and `api` to serve it (feature `server`), and a `client` (feature
//! `client`). The documents are in this folder. `codegen/` generates the code; `host/` passes requests to an
//! implementation; `crates` re-exports the dependencies of generated code, here and in other crates. To add a document,
//! add the file, a line in `build.rs`, a module and a line in `DOCUMENTS` here.
#![expect(
    clippy::allow_attributes,
    reason = "generated code: what a document does not use is not known here, so an expectation could fail"
)]

#[cfg(feature = "client")]
pub mod client;
pub mod crates;
#[cfg(feature = "server")]
pub mod host;
pub mod multipart;
pub mod style;

/// Includes the code that was generated from one document.
macro_rules! generated {
    ($(#[$attribute:meta])* $module:ident, $file:literal) => {
        $(#[$attribute])*
        #[allow(
            clippy::all,
            clippy::unwrap_used,
            missing_docs,
            unused_imports,
            rustdoc::all,
            unreachable_pub,
            reason = "generated: style is the generator's business, and checked where it is written"
        )]
        pub mod $module {
            include!(concat!(env!("OUT_DIR"), "/", $file, ".rs"));
        }
    };
}

/// The Agent Runtime Protocol.
pub mod arp {
    generated!(
        /// The shared payload types of ARP, which the modules of its documents use.
        #[cfg(any(feature = "run-gateway", feature = "run-coordinator", feature = "runtime"))]
        schemas, "arp-schemas"
    );
    generated!(
        /// The run gateway: start, read, cancel and watch runs.
        #[cfg(feature = "run-gateway")]
        run_gateway, "run-gateway"
    );
    generated!(
        /// The run coordinator: runs and their node runs.
        #[cfg(feature = "run-coordinator")]
        run_coordinator, "run-coordinator"
    );
    generated!(
        /// The runtime of ARP before 0.3: a goal in, an output out.
        #[cfg(feature = "runtime")]
        runtime, "runtime"
    );
}

generated!(
    /// toolregistry.ai: runs that pursue an intent with the tools of integrations.
    #[cfg(feature = "toolregistry")]
    toolregistry, "toolregistry"
);
generated!(
    /// The Agentic Compute Platform of Computer Agents: prompts to agent runtimes, in threads.
    #[cfg(feature = "acp")]
    acp, "acp"
);
generated!(
    /// Cargo: tools and their workflows, and runs that execute them node by node.
    #[cfg(feature = "cargo")]
    cargo, "cargo"
);
generated!(
    /// The Runyard API: what no other API offers.
    #[cfg(feature = "runyard")]
    runyard, "runyard"
);

/// Every document that is served, with its surface, in the order of the ports. The APIs, the command line and the tests
/// read this list, so a document that is not in it is not served. It has no documents whose feature is disabled.
#[cfg(feature = "server")]
pub static DOCUMENTS: &[(&host::Document, &str)] = &[
    #[cfg(feature = "run-gateway")]
    (&arp::run_gateway::DOCUMENT, arp::run_gateway::SURFACE),
    #[cfg(feature = "run-coordinator")]
    (&arp::run_coordinator::DOCUMENT, arp::run_coordinator::SURFACE),
    #[cfg(feature = "runtime")]
    (&arp::runtime::DOCUMENT, arp::runtime::SURFACE),
    #[cfg(feature = "toolregistry")]
    (&toolregistry::DOCUMENT, toolregistry::SURFACE),
    #[cfg(feature = "acp")]
    (&acp::DOCUMENT, acp::SURFACE),
    #[cfg(feature = "cargo")]
    (&cargo::DOCUMENT, cargo::SURFACE),
    #[cfg(feature = "runyard")]
    (&runyard::DOCUMENT, runyard::SURFACE),
];

#[cfg(test)]
#[cfg(quirks)]
generated!(
    /// Constructs that Runyard's documents do not use, so that their code is compiled and tested too.
    quirks, "quirks"
);

#[cfg(test)]
#[cfg(quirks)]
generated!(
    /// Constructs of other vendors' documents, for the same reason.
    foreign, "foreign"
);

#[cfg(test)]
#[cfg(quirks)]
generated!(
    /// Schemas that need more than one Rust type for one JSON type, for the same reason.
    kinds, "kinds"
);

#[cfg(test)]
#[cfg(all(quirks, feature = "server", feature = "client"))]
#[path = "codegen/tests/called.rs"]
mod called;

#[cfg(test)]
#[cfg(all(quirks, feature = "server", feature = "client"))]
#[path = "codegen/tests/called_foreign.rs"]
mod called_foreign;

#[cfg(test)]
#[cfg(all(quirks, feature = "server", feature = "client"))]
#[path = "codegen/tests/called_kinds.rs"]
mod called_kinds;
