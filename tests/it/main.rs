//! How we know: a real server on free loopback ports, asked through the generated clients.

mod cli;
mod crash;
mod first;
mod harness;
mod process;
