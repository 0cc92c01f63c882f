//! Code that several dialect modules share.
//!
//! | file             | what                                                       |
//! |------------------|------------------------------------------------------------|
//! | `answer_size.rs` | how much fits on a page of a list                          |
//! | `mapping.rs`     | the type that describes how an API shows runs              |
//! | `refusal.rs`     | why a request is refused, before it has an API's error body |
//! | `resume.rs`      | where a stream resumes                                     |
//! | `start.rs`       | starting a run: keys, repeated requests, headers           |
//! | `time.rs`        | times on the wire                                          |

pub mod answer_size;
pub mod mapping;
pub mod refusal;
pub mod resume;
pub mod start;
pub mod time;
