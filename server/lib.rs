//! The run server as a library; the binary beside it only parses arguments. The house plan is in the README.

pub mod store;
