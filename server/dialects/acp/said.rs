//! Every word of the closed lists of this document, as in `dialects/said.rs`.
