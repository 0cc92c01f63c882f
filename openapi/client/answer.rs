//! Reads responses: the document's body, or what was sent instead. Generated code calls this.

use bytes::{Bytes, BytesMut};
use reqwest::Response;
use serde::de::DeserializeOwned;

use super::{CallError, ResponseValue};

/// The largest JSON response that is read, in bytes.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The most bytes that an error stores of a response that the document does not have.
pub const STRAY_BYTES_MAX: usize = 64 * 1024;

/// A success with a JSON body.
pub async fn json<T: DeserializeOwned, E>(answer: Response) -> Result<ResponseValue<T>, CallError<E>> {
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = read(answer, ANSWER_BYTES_MAX).await?;
    match parse(&body) {
        Ok(value) => Ok(ResponseValue::new(value, status, headers)),
        Err(reason) => Err(CallError::Unexpected { status, headers, body: first(&body), reason }),
    }
}

/// A documented error of the operation.
pub async fn refused<T, E: DeserializeOwned>(answer: Response) -> Result<T, CallError<E>> {
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = read(answer, ANSWER_BYTES_MAX).await?;
    Err(match parse(&body) {
        Ok(body) => CallError::Refused { status, headers, body: Box::new(body) },
        Err(reason) => CallError::Unexpected { status, headers, body: first(&body), reason },
    })
}

/// A response with a status that the document does not have for the operation.
pub async fn other_status<T, E>(answer: Response) -> Result<T, CallError<E>> {
    let (status, headers) = (answer.status(), answer.headers().clone());
    // The status matters even if the body cannot be read to its end.
    let body = read::<E>(answer, STRAY_BYTES_MAX).await.unwrap_or_default();
    Err(CallError::Status { status, headers, body: first(&body) })
}

/// The body, up to its end or just past the limit.
async fn read<E>(mut answer: Response, bytes_max: usize) -> Result<Bytes, CallError<E>> {
    let mut body = BytesMut::new();
    while body.len() <= bytes_max {
        let Some(chunk) = answer.chunk().await? else { break };
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn first(body: &Bytes) -> Bytes {
    // A copy, so that a small part does not keep the whole body in memory.
    Bytes::copy_from_slice(&body[..body.len().min(STRAY_BYTES_MAX)])
}

/// The value, or the place and reason of the first mismatch.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    if body.len() > ANSWER_BYTES_MAX {
        return Err(format!("it is longer than {ANSWER_BYTES_MAX} bytes"));
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let (place, reason) = (error.path().to_string(), error.into_inner());
        if place == "." { reason.to_string() } else { format!("{place}: {reason}") }
    })?;
    reader.end().map_err(|error| error.to_string())?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Whole {
        #[expect(dead_code, reason = "only read")]
        parts: Vec<u8>,
    }

    #[test]
    fn what_does_not_fit_is_named_with_its_place() {
        let reason = parse::<Whole>(b"{\"parts\":[1,\"x\"]}").unwrap_err();
        assert!(reason.starts_with("parts[1]: invalid type"), "{reason}");
        assert!(parse::<Whole>(b"<html>").unwrap_err().starts_with("expected value"));
        assert!(parse::<Whole>(b"{\"parts\":[]} and more").is_err());
        assert!(parse::<Whole>(b"{\"parts\":[1]}\n").is_ok());
    }
}
