//! `docs/reference/errors.md`: every code of an answer, and of a run that failed.

use super::table::row;
use crate::codes::{Code, REASONS};

const HEAD: &str = "\
# Errors

Every answer that is not a success has the error body of its API's document. Decide on the code, not on the message.
The request id is in the server's log.

| API | code | details | request id |
|---|---|---|---|
| ARP, Runyard | `error.code` | `error.details`, an object | `extensions[\"runyard.request_id\"]` |
| toolregistry.ai | header `x-error-code` | in the message | header `x-request-id` |
| ACP | `code`, in capitals (`VALIDATION_FAILED` for `invalid_request`) | `details`, a list of `field` and `message` |
header `x-request-id` |
| Cargo | `reason`, in camel case (`workflowNotFound`) | in `errorMessage` | header `x-request-id` |

The HTTP library answers a few requests before an API sees them. These answers alone have no error body:

| request | answer |
|---|---|
| a malformed head | 400, empty |
| a head of 64 KiB or more, or with more than 100 headers | 431, empty |

An unknown query parameter is a 400 in the Runyard API. The vendors' APIs ignore it, as their vendors do, and name it
in the header `Runyard-Ignored-Parameters` of the answer (fields of a body as `body.name`). `name[]` is read as `name`.

The reasons of a 401 and 403 (`details.reason`) are on the page
[authentication](../operate/authentication.md#reasons-of-a-401-and-403).
";

const RUNS: &str = "
## Codes of failed runs

A failed run, and a failed node run, has an error with `code`, `message` and `details`. It is in `error` in the Runyard
API and the Runtime, in `extensions[\"runyard.error\"]` in ARP, in `error` of the run in ACP, and in `errorMessage` in
Cargo. A composite that is completed from outside has the error that was reported.

| code | when |
|---|---|
";

pub(super) fn page() -> String {
    let mut page = HEAD.to_owned();
    page.push_str("\n## Codes of answers\n\n| status | code | when |\n|---|---|---|\n");
    let mut codes = Code::ALL.to_vec();
    codes.sort_by_key(|code| code.status());
    for code in codes {
        let status = code.status().as_u16().to_string();
        page.push_str(&row([&status, &format!("`{}`", code.as_str()), code.when()]));
    }
    page.push_str(RUNS);
    for (codes, when) in REASONS {
        let codes: Vec<String> = codes.iter().map(|code| format!("`{}`", code.as_str())).collect();
        page.push_str(&row([&codes.join(", "), when]));
    }
    page
}
