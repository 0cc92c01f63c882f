//! Steps that call over HTTP, over real sockets: requests and results, the rules for destinations, integrations, and a
//! crash during a call.

pub mod caller;
mod crash;
mod egress;
mod integrations;
mod mutated;
mod outcomes;
