//! How we know: a real server on free loopback ports, asked through the generated clients.

mod first;
mod harness;
