//! Servers of real documents: each is generated, started on a free port of the loopback address, and called by its
//! generated client and by requests that do not fit the document.
//!
//! `.ci/generator` builds this with one feature per generated crate: the real documents where they are, or our own. A
//! handler names operations, and nothing of their paths. Operations without a handler in these files get one from
//! `rest/NAME.rs`, which the script generates and which refuses them.

#![allow(unexpected_cfgs, reason = "the manifest has the documents that are at hand")]

mod calls;

#[cfg(feature = "bakery")]
mod bakery;
#[cfg(feature = "dify")]
mod dify;
#[cfg(feature = "e2b-envd")]
mod envd;
#[cfg(feature = "foreign")]
mod foreign;
#[cfg(feature = "mcp-registry")]
mod mcp_registry;
#[cfg(feature = "uspto")]
mod uspto;

#[tokio::main]
async fn main() {
    let mut done: Vec<&str> = Vec::new();
    #[cfg(feature = "mcp-registry")]
    {
        mcp_registry::check().await;
        done.push("mcp-registry (OpenAPI 3.1)");
    }
    #[cfg(feature = "uspto")]
    {
        uspto::check().await;
        done.push("uspto (forms)");
    }
    #[cfg(feature = "e2b-envd")]
    {
        envd::check().await;
        done.push("e2b-envd (files in parts, bytes)");
    }
    #[cfg(feature = "dify")]
    {
        dify::check().await;
        done.push("dify (discriminators, event streams, files in parts)");
    }
    #[cfg(feature = "bakery")]
    {
        bakery::check().await;
        done.push("bakery");
    }
    #[cfg(feature = "foreign")]
    {
        foreign::check().await;
        done.push("foreign (OpenAPI 3.1, forms, files in parts, discriminators)");
    }
    assert!(!done.is_empty(), "no document was given");
    done.iter().for_each(|one| println!("   served and called: {one}"));
}
