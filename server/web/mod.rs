//! What people read in a browser: static pages, made of what is in the binary and of nothing else.
//!
//! [`reference`](mod@reference) is the API reference with the guides; [`generated`] has the reference pages of `docs/` that are made from the code. Nothing here answers requests or knows of a run: the host serves what it is given.

pub mod generated;
pub mod reference;
