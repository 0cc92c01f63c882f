//! From a question to a request in the wire form of a model, and from the answer back.

use serde_json::Value;

use super::chat::{ChatInputs, ChatOutputs};
use super::form::{ModelRequest, Question};
use super::{anthropic, gemini, openai};
use crate::config::models::WireForm;

/// The request of a question.
pub(super) fn request(form: WireForm, question: &Question<'_>) -> ModelRequest {
    match form {
        WireForm::Openai => openai::request(question),
        WireForm::Anthropic => anthropic::request(question),
        WireForm::Gemini => gemini::request(question),
    }
}

/// Reads an answer.
///
/// # Errors
/// What is missing in it.
pub(super) fn answer(form: WireForm, chat: &ChatInputs, body: Value) -> Result<ChatOutputs, String> {
    match form {
        WireForm::Openai => openai::answer(chat, body),
        WireForm::Anthropic => anthropic::answer(chat, body),
        WireForm::Gemini => gemini::answer(chat, body),
    }
}
