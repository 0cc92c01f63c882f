//! The only place that writes to standard output and standard error.
//!
//! Text for people, with colours on terminals only; or, with `--json`, one JSON object per line for programs. Writing never
//! fails for the caller: when the reader has gone (a closed pipe) the rest is swallowed and [`Output::is_closed`] says so; any
//! other error is kept for [`Output::finish`]. What comes from outside is cleaned of control characters first, so that no server
//! can steer a terminal.

use std::fmt::Write as _;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;

use super::failure::Failure;

/// Ended well.
const GOOD: Style = AnsiColor::Green.on_default();
/// Ended badly.
const BAD: Style = AnsiColor::Red.on_default().bold();
/// Less important.
const FAINT: Style = Style::new().dimmed();
/// More important.
const STRONG: Style = Style::new().bold();

/// Where a command writes.
pub struct Output {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    json: bool,
    closed: bool,
    broken: Option<io::Error>,
}

impl Output {
    /// The process's own standard output and error.
    pub fn process(json: bool) -> Self {
        Self::new(
            Box::new(anstream::AutoStream::auto(io::stdout())),
            Box::new(anstream::AutoStream::auto(io::stderr())),
            json,
        )
    }

    /// Any two writers.
    pub fn new(out: Box<dyn Write + Send>, err: Box<dyn Write + Send>, json: bool) -> Self {
        Self { out, err, json, closed: false, broken: None }
    }

    /// Whether programs read this.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Whether nobody reads standard output any more.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// A line for people. Nothing with `--json`. What comes from outside goes through [`text`] or a style first.
    pub fn line(&mut self, line: &str) {
        if !self.json {
            self.write(line);
        }
    }

    /// An object for programs. Nothing without `--json`.
    pub fn object(&mut self, object: &Value) {
        if self.json {
            self.write(&object.to_string());
        }
    }

    /// Text as it is, for people and programs alike: a document, a file.
    pub fn verbatim(&mut self, text: &str) {
        self.write(text.strip_suffix('\n').unwrap_or(text));
    }

    /// A table for people. Nothing with `--json`.
    pub fn table(&mut self, header: &[&str], rows: Vec<Vec<String>>) {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(header);
        table.add_rows(rows.into_iter().map(|row| row.iter().map(|cell| one_line(cell)).collect::<Vec<_>>()));
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        for (index, line) in table.lines().enumerate() {
            let line = line.trim_end();
            let line = if index == 0 { format!("{FAINT}{line}{FAINT:#}") } else { line.to_owned() };
            self.line(&line);
        }
    }

    /// A remark beside the output, for people: on standard error. Nothing with `--json`.
    pub fn remark(&mut self, remark: &str) {
        if !self.json {
            // Nobody can be told that standard error is gone.
            let _ = writeln!(self.err, "{FAINT}{}{FAINT:#}", text(remark));
        }
    }

    /// Why a command failed, on standard error.
    pub fn failure(&mut self, failure: &Failure) {
        let _ = if self.json {
            writeln!(self.err, "{}", failure.json())
        } else {
            writeln!(self.err, "{BAD}error:{BAD:#} {}", text(&failure.text()))
        };
    }

    /// Whether everything was written that somebody wanted to read.
    ///
    /// # Errors
    /// What kept it from being written, for example a full disk.
    pub fn finish(mut self) -> Result<(), Failure> {
        match self.broken.take() {
            None => Ok(()),
            Some(error) => Err(Failure::new("output_lost", format!("cannot write the output: {error}"))),
        }
    }

    fn write(&mut self, line: &str) {
        if self.closed {
            return;
        }
        if let Err(error) = writeln!(self.out, "{line}").and_then(|()| self.out.flush()) {
            self.closed = true;
            if error.kind() != io::ErrorKind::BrokenPipe {
                self.broken = Some(error);
            }
        }
    }
}

/// Text from outside without what steers a terminal, except for line ends and tabs.
pub fn text(from_outside: &str) -> String {
    from_outside.chars().fold(String::with_capacity(from_outside.len()), |mut clean, character| {
        if steers(character) && !matches!(character, '\n' | '\t') {
            // Writing to a string does not fail.
            let _ = write!(clean, "{}", character.escape_unicode());
        } else {
            clean.push(character);
        }
        clean
    })
}

/// Control characters, and those that make a reader see text in another order than it has (Unicode's `Bidi_Control`).
fn steers(character: char) -> bool {
    let reorders =
        matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    character.is_control() || reorders
}

/// [`text`] on one line, for a cell.
pub fn one_line(from_outside: &str) -> String {
    text(&from_outside.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Important, on one line.
pub fn strong(from_outside: &str) -> String {
    styled(STRONG, from_outside)
}

/// Less important, on one line.
pub fn faint(from_outside: &str) -> String {
    styled(FAINT, from_outside)
}

/// A state in its colour.
pub fn state(state: &str) -> String {
    match state {
        "succeeded" | "success" | "ok" => styled(GOOD, state),
        "failed" | "canceled" | "fail" | "down" => styled(BAD, state),
        _ => styled(STRONG, state),
    }
}

/// Painted, and as wide as this at least.
pub fn padded(from_outside: &str, width: usize, paint: fn(&str) -> String) -> String {
    let missing = width.saturating_sub(one_line(from_outside).chars().count());
    format!("{}{:missing$}", paint(from_outside), "")
}

fn styled(style: Style, from_outside: &str) -> String {
    format!("{style}{}{style:#}", one_line(from_outside))
}

/// A value for people: text as it is, anything else as indented JSON.
pub fn value(value: &Value) -> String {
    match value {
        Value::String(string) => text(string),
        // Display of a JSON value cannot fail; the alternate form indents.
        // JSON escapes only the older half of the control characters.
        other => text(&format!("{other:#}")),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::{Arc, Mutex, PoisonError};

    use serde_json::json;

    use super::*;

    /// What was written, without colours.
    #[derive(Clone, Default)]
    pub(crate) struct Page(Arc<Mutex<Vec<u8>>>);

    impl Page {
        pub(crate) fn text(&self) -> String {
            let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
            anstream::adapter::strip_bytes(&bytes).into_vec().iter().map(|byte| char::from(*byte)).collect()
        }
    }

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// An output and its two pages.
    pub(crate) fn pages(json: bool) -> (Output, Page, Page) {
        let (out, err) = (Page::default(), Page::default());
        (Output::new(Box::new(out.clone()), Box::new(err.clone()), json), out, err)
    }

    struct Gone(io::ErrorKind);

    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn people_get_lines_and_programs_get_objects() {
        for json in [false, true] {
            let (mut output, out, err) = pages(json);
            output.line("for people");
            output.object(&json!({ "for": "programs" }));
            output.remark("aside");
            assert_eq!(out.text(), if json { "{\"for\":\"programs\"}\n" } else { "for people\n" });
            assert_eq!(err.text(), if json { "" } else { "aside\n" });
        }
    }

    #[test]
    fn columns_are_aligned_and_lines_do_not_trail() {
        let (mut output, out, _) = pages(false);
        output
            .table(&["NAME", "STATE"], vec![vec!["a".into(), "ok".into()], vec!["longer\nname".into(), "down".into()]]);
        assert_eq!(out.text(), "NAME         STATE\na            ok\nlonger name  down\n");
    }

    #[test]
    fn a_reader_that_went_away_is_no_error_and_a_full_disk_is() {
        let mut pipe = Output::new(Box::new(Gone(io::ErrorKind::BrokenPipe)), Box::new(io::sink()), false);
        pipe.line("a");
        pipe.line("b");
        assert!(pipe.is_closed());
        assert_eq!(pipe.finish(), Ok(()));
        let mut full = Output::new(Box::new(Gone(io::ErrorKind::StorageFull)), Box::new(io::sink()), false);
        full.line("a");
        assert_eq!(full.finish().err().map(|failure| failure.code), Some("output_lost".to_owned()));
    }

    #[test]
    fn nothing_from_outside_steers_the_terminal() {
        assert_eq!(text("a\u{1b}[2Jb\tc\n"), "a\\u{1b}[2Jb\tc\n");
        assert_eq!(one_line("a\r\n  b\u{7}"), "a b\\u{7}");
        assert_eq!(value(&json!("plain")), "plain");
        assert_eq!(text("a\u{202e}b"), "a\\u{202e}b");
        assert_eq!(value(&json!({ "a": "\u{1b}\u{9b}" })), "{\n  \"a\": \"\\u001b\\u{9b}\"\n}");
    }

    #[test]
    fn errors_are_json_when_programs_read() {
        let (mut output, out, err) = pages(true);
        output.failure(&Failure::new("run_not_found", "there is no run x"));
        assert_eq!(out.text(), "");
        assert_eq!(err.text(), "{\"error\":{\"code\":\"run_not_found\",\"message\":\"there is no run x\"}}\n");
    }
}
