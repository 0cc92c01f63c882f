//! The node types that need nothing from outside: echo, UUID, time, hash. Types and schemas are in `catalog/core.rs`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use runyard_engine::Object;
use runyard_engine::event::Failure;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Call;
use crate::catalog::core::{
    EchoInputs, EchoOutputs, HashSha256Inputs, HashSha256Outputs, NoInputs, TimeNowOutputs, Uuid4Outputs,
};

/// How a node type is performed: validated inputs in, outputs out.
pub(super) type Deed = fn(&Call<'_>) -> Result<Object, Failure>;

/// The deed behind a resolved node type id.
pub(super) fn deed(id: &str) -> Option<Deed> {
    match id {
        "runyard.core.echo" => Some(echo),
        "runyard.core.uuid4" => Some(uuid4),
        "runyard.core.time.now" => Some(time_now),
        "runyard.core.hash.sha256" => Some(hash_sha256),
        _ => None,
    }
}

fn echo(call: &Call<'_>) -> Result<Object, Failure> {
    let EchoInputs { echo } = read(call)?;
    write(&EchoOutputs { echo })
}

fn uuid4(call: &Call<'_>) -> Result<Object, Failure> {
    let NoInputs {} = read(call)?;
    let uuid = uuid::Builder::from_random_bytes(call.entropy).into_uuid();
    write(&Uuid4Outputs { uuid4: uuid.to_string() })
}

fn time_now(call: &Call<'_>) -> Result<Object, Failure> {
    let NoInputs {} = read(call)?;
    let now = jiff::Timestamp::from_millisecond(call.now_ms).map_err(|error| {
        failed("clock_out_of_range", format!("the server's clock cannot be written as a date: {error}"))
    })?;
    write(&TimeNowOutputs { time: format!("{now:.3}") })
}

fn hash_sha256(call: &Call<'_>) -> Result<Object, Failure> {
    let inputs: HashSha256Inputs = read(call)?;
    let content = match (inputs.text, inputs.content_base64) {
        (Some(text), _) => text.into_bytes(),
        (None, base64) => STANDARD
            .decode(base64.unwrap_or_default())
            .map_err(|error| failed("invalid_inputs", format!("/content_base64 is not base64: {error}")))?,
    };
    let sha256 = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
    write(&HashSha256Outputs { sha256 })
}

pub(super) fn read<Inputs: DeserializeOwned>(call: &Call<'_>) -> Result<Inputs, Failure> {
    serde_json::from_value(Value::Object(call.inputs.clone()))
        .map_err(|error| failed("invalid_inputs", error.to_string()))
}

pub(super) fn write(outputs: &impl Serialize) -> Result<Object, Failure> {
    match serde_json::to_value(outputs) {
        Ok(Value::Object(outputs)) => Ok(outputs),
        _ => Err(failed("invalid_outputs", "the outputs are not a JSON object".to_owned())),
    }
}

fn failed(code: &str, message: String) -> Failure {
    Failure { code: code.to_owned(), message, details: None, retryable: Some(false) }
}
