//! Steps that call over HTTP, over real sockets: what is sent and what comes of it, where it may go, integrations, and a crash between.

mod caller;
mod crash;
mod egress;
mod integrations;
mod mutated;
mod outcomes;
