//! Log lines: tracing to standard error, as text or as JSON, and dropshot's lines converted to it.
//!
//! The code that writes a line decides what it contains: identifiers, paths without their query, durations, error
//! codes. Never a body, an input, an output, a token or a query. An allow list enforces that for dropshot's lines. The
//! host opens the span of a request, with its request, run and tenant id.

use std::fmt;
use std::io::IsTerminal;

use slog::{Drain, KV, OwnedKVList, Record};
use tracing::Subscriber;
use tracing::span::Record as NewFields;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::format::{DefaultFields, Writer};
use tracing_subscriber::fmt::{FormatFields, FormattedFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::config::{Log, LogFormat};

/// Why logging did not start.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The filter cannot be parsed. [`crate::config`] checks it before.
    #[error("log.filter {filter:?} is not a filter for log lines")]
    Filter {
        /// The filter.
        filter: String,
        /// The reason.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// This process has already started logging.
    #[error("logging was started twice")]
    Started(#[from] tracing::subscriber::SetGlobalDefaultError),
}

/// Sends this process's log lines to standard error.
///
/// # Errors
/// The filter cannot be parsed, or this is the second call.
pub fn start(log: &Log) -> Result<(), LoggingError> {
    let colours = std::io::stderr().is_terminal();
    Ok(tracing::subscriber::set_global_default(subscriber(log, std::io::stderr, colours)?)?)
}

/// A subscriber that writes log lines of this form to a writer.
fn subscriber<W>(log: &Log, writer: W, colours: bool) -> Result<impl Subscriber + Send + Sync + 'static, LoggingError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder()
        .parse(&log.filter)
        .map_err(|source| LoggingError::Filter { filter: log.filter.clone(), source })?;
    // The library of the Model Context Protocol logs whole messages and URLs. What matters of them is logged by
    // `nodes/mcp/`.
    let own = filter_fn(|metadata| !metadata.target().starts_with("rmcp"));
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let lines = match log.format {
        LogFormat::Text => lines.with_ansi(colours).fmt_fields(EachOnce(DefaultFields::new())).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed(),
    };
    Ok(Registry::default().with(filter).with(own).with(lines))
}

/// The fields of a span as text, each value once: a request that reads its run several times records the run's id each
/// time.
struct EachOnce(DefaultFields);

impl<'writer> FormatFields<'writer> for EachOnce {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        self.0.format_fields(writer, fields)
    }

    fn add_fields(&self, current: &'writer mut FormattedFields<Self>, fields: &NewFields<'_>) -> fmt::Result {
        let mut added = String::new();
        self.0.format_fields(Writer::new(&mut added), fields)?;
        if current.fields.split(' ').any(|field| field == added) {
            return Ok(());
        }
        if !current.fields.is_empty() {
            current.fields.push(' ');
        }
        current.fields.push_str(&added);
        Ok(())
    }
}

/// A logger for dropshot. Its lines become tracing events with the target `dropshot`.
pub fn dropshot() -> slog::Logger {
    slog::Logger::root(ToTracing, slog::o!())
}

/// Forwards slog's records to tracing.
struct ToTracing;

impl Drain for ToTracing {
    type Ok = ();
    type Err = slog::Never;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<(), slog::Never> {
        let level = level(record);
        if !is_wanted(level) {
            return Ok(());
        }
        let mut fields = Fields::default();
        // A value that cannot be written is left out: a log line must not fail a request.
        let _ = record.kv().serialize(record, &mut fields);
        let _ = values.serialize(record, &mut fields);
        fields.write(level, record.msg());
        Ok(())
    }
}

/// Whether a line of dropshot's is written at all. This is checked first, because each request has several lines, and
/// formatting one can cost more than the request.
fn is_wanted(level: tracing::Level) -> bool {
    match level {
        tracing::Level::ERROR => tracing::enabled!(target: "dropshot", tracing::Level::ERROR),
        tracing::Level::WARN => tracing::enabled!(target: "dropshot", tracing::Level::WARN),
        tracing::Level::INFO => tracing::enabled!(target: "dropshot", tracing::Level::INFO),
        tracing::Level::DEBUG => tracing::enabled!(target: "dropshot", tracing::Level::DEBUG),
        tracing::Level::TRACE => tracing::enabled!(target: "dropshot", tracing::Level::TRACE),
    }
}

/// Dropshot's `info` lines repeat what the server logs with more detail, so they go one level down. A client that
/// disconnects from a stream is normal, and no warning.
fn level(record: &Record<'_>) -> tracing::Level {
    match record.level() {
        slog::Level::Critical | slog::Level::Error => tracing::Level::ERROR,
        slog::Level::Warning if record.msg().to_string().contains("cancelled") => tracing::Level::DEBUG,
        slog::Level::Warning => tracing::Level::WARN,
        slog::Level::Info => tracing::Level::DEBUG,
        slog::Level::Debug | slog::Level::Trace => tracing::Level::TRACE,
    }
}

/// The values of dropshot's lines that are known to be harmless. All other values are dropped.
#[derive(Default)]
struct Fields {
    request_id: Option<String>,
    remote_addr: Option<String>,
    local_addr: Option<String>,
    method: Option<String>,
    path: Option<String>,
    status: Option<String>,
    latency_us: Option<String>,
    error: Option<String>,
}

impl slog::Serializer for Fields {
    fn emit_arguments(&mut self, key: slog::Key, value: &fmt::Arguments<'_>) -> slog::Result {
        let name: &str = key.as_ref();
        let (field, value) = match name {
            "req_id" => (&mut self.request_id, value.to_string()),
            "remote_addr" => (&mut self.remote_addr, value.to_string()),
            "local_addr" => (&mut self.local_addr, value.to_string()),
            "method" => (&mut self.method, value.to_string()),
            "uri" | "path" => (&mut self.path, path_alone(&value.to_string())),
            "response_code" => (&mut self.status, value.to_string()),
            "latency_us" => (&mut self.latency_us, value.to_string()),
            "error" | "error_message_internal" => (&mut self.error, value.to_string()),
            _ => return Ok(()),
        };
        *field = Some(value);
        Ok(())
    }
}

/// A query may contain a token, and so may the part of a URI before its path.
fn path_alone(uri: &str) -> String {
    let uri = uri.split(['?', '#']).next().unwrap_or_default();
    let path = uri.split_once("://").map_or(uri, |(_, rest)| rest.find('/').map_or("/", |start| &rest[start..]));
    path.to_owned()
}

impl Fields {
    fn write(&self, level: tracing::Level, message: &fmt::Arguments<'_>) {
        // The level of an event is part of its call site, so there is one site per level.
        macro_rules! line {
            ($level:ident) => {
                tracing::event!(
                    target: "dropshot",
                    tracing::Level::$level,
                    request_id = self.request_id.as_deref(),
                    remote_addr = self.remote_addr.as_deref(),
                    local_addr = self.local_addr.as_deref(),
                    method = self.method.as_deref(),
                    path = self.path.as_deref(),
                    status = self.status.as_deref(),
                    latency_us = self.latency_us.as_deref(),
                    error = self.error.as_deref(),
                    "{message}"
                )
            };
        }
        match level {
            tracing::Level::ERROR => line!(ERROR),
            tracing::Level::WARN => line!(WARN),
            tracing::Level::INFO => line!(INFO),
            tracing::Level::DEBUG => line!(DEBUG),
            tracing::Level::TRACE => line!(TRACE),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::Value;

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn written(format: LogFormat, filter: &str, write: impl FnOnce()) -> String {
        let page = Page::default();
        let writer = page.clone();
        let log = Log { format, filter: filter.to_owned() };
        tracing::subscriber::with_default(subscriber(&log, move || writer.clone(), false).unwrap(), write);
        let bytes = page.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    fn a_request() {
        let log = dropshot().new(slog::o!("local_addr" => "127.0.0.1:8081"));
        let log = log.new(slog::o!("req_id" => "r-1", "uri" => "/v1/runs?token=hunter2", "method" => "GET", "authorization" => "hunter3"));
        slog::info!(log, "request completed"; "response_code" => 200, "latency_us" => 12, "error_message_external" => "hunter4");
    }

    #[test]
    fn a_line_of_dropshot_keeps_its_fields_and_loses_what_may_be_secret() {
        let line = written(LogFormat::Json, "debug", a_request);
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["message"], "request completed");
        assert_eq!(
            (&line["request_id"], &line["path"], &line["method"]),
            (&"r-1".into(), &"/v1/runs".into(), &"GET".into())
        );
        assert_eq!((&line["status"], &line["local_addr"]), (&"200".into(), &"127.0.0.1:8081".into()));
        assert_eq!((&line["level"], &line["target"]), (&"DEBUG".into(), &"dropshot".into()));
        assert!(!line.to_string().contains("hunter"), "{line}");
    }

    #[test]
    fn dropshots_chatter_is_not_in_a_log_at_info() {
        assert_eq!(written(LogFormat::Text, "info", a_request), "");
        let warned =
            written(LogFormat::Text, "info", || slog::warn!(dropshot(), "accept error"; "error" => "too many files"));
        assert!(
            warned.contains("WARN") && warned.contains("accept error") && warned.contains("too many files"),
            "{warned}"
        );
        let left = written(LogFormat::Text, "info", || {
            slog::warn!(dropshot(), "request handling cancelled (client disconnected)")
        });
        assert_eq!(left, "");
    }

    #[test]
    fn a_json_line_carries_the_span_it_was_written_in() {
        let line = written(LogFormat::Json, "info", || {
            let _entered = tracing::info_span!("request", request_id = "r-2", tenant = "default").entered();
            tracing::info!(run = "run_1", "started");
        });
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (&line["run"], &line["span"]["request_id"], &line["span"]["tenant"]),
            (&"run_1".into(), &"r-2".into(), &"default".into())
        );
    }

    #[test]
    fn a_text_line_has_a_field_once_that_its_span_recorded_several_times() {
        let line = written(LogFormat::Text, "info", || {
            let span = tracing::info_span!("request", method = "GET", run_id = tracing::field::Empty);
            let _entered = span.enter();
            for _ in 0..3 {
                span.record("run_id", "run_1");
            }
            tracing::info!("answered");
        });
        assert_eq!(line.matches("run_id=").count(), 1, "{line}");
        assert!(line.contains("method=\"GET\" run_id=\"run_1\""), "{line}");
    }

    #[test]
    fn a_path_is_all_that_is_kept_of_a_uri() {
        assert_eq!(path_alone("/a/b?c=d"), "/a/b");
        assert_eq!(path_alone("http://me:secret@host/a?b"), "/a");
        assert_eq!(path_alone("http://host"), "/");
        assert_eq!(path_alone("*"), "*");
    }

    #[test]
    fn a_filter_that_is_none_is_an_error() {
        let log = Log { format: LogFormat::Text, filter: "runyard=loud".to_owned() };
        let error = subscriber(&log, std::io::sink, false).err().unwrap();
        assert_eq!(error.to_string(), "log.filter \"runyard=loud\" is not a filter for log lines");
    }
}
