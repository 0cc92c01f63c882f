//! What is stored of runs. Types and their stored forms, without decisions; the rest of the engine imports them.

pub mod failure;
pub mod failure_code;
