//! Serves the document: `/openapi.json` and `/openapi.yaml`, with `?overlay=false` for the vendor's document alone.

use http::Response;

use super::format::Format;
use super::{Body, Document, Fault, Place, parameters, reply};

/// The document in the requested format.
///
/// # Errors
/// [`Fault::Invalid`] when `overlay` is given and is not `false` (or, for completeness, `true`).
pub(super) fn serve(document: &'static Document, format: Format, query: Option<&str>) -> Result<Response<Body>, Fault> {
    let full = overlaid(query)?;
    let (media, content) = match (format, full) {
        (Format::Json, true) => ("application/json", document.full_json),
        (Format::Json, false) => ("application/json", document.owner_json),
        (Format::Yaml, true) => ("application/yaml", document.full_yaml),
        (Format::Yaml, false) => ("application/yaml", document.owner_yaml),
    };
    Ok(reply::text(media, content))
}

fn overlaid(query: Option<&str>) -> Result<bool, Fault> {
    let pairs = parameters::pairs(query.unwrap_or_default())?;
    let mut given = pairs.iter().filter(|(name, _)| name == "overlay").map(|(_, value)| value.as_str());
    match (given.next(), given.next()) {
        (None, _) | (Some("true"), None) => Ok(true),
        (Some("false"), None) => Ok(false),
        (Some(_), None) => {
            Err(Fault::invalid(Place::Query, "overlay", "must be false (the vendor's contract alone) or absent"))
        }
        (Some(_), Some(_)) => Err(Fault::invalid(Place::Query, "overlay", "must not be given more than once")),
    }
}
