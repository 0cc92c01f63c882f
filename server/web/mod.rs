//! Static pages for browsers, made only from data in the binary.
//!
//! [`reference`](mod@reference) is the API reference with the guides. [`generated`] has the reference pages of `docs/`
//! that are made from the code. This module answers no requests and reads no runs: the host serves its pages.

pub mod generated;
pub mod reference;
