//! The only place that writes to standard output and standard error.
//!
//! Results go to standard output, and everything else (progress, remarks, errors) to standard error, so that a result can be piped.
//! Text for people has colours on terminals only; with `--json` there is one JSON object per line for programs. Writing never
//! fails for the caller: when the reader has gone (a closed pipe) the rest is swallowed and [`Output::is_closed`] says so; any
//! other error is stored for [`Output::finish`]. Text from outside is cleaned of control characters first, so that no server
//! can steer a terminal.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;

use super::failure::Failure;
use super::progress::Progress;

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
    /// Whether standard error is a terminal.
    terminal: bool,
    progress: Option<Progress>,
}

impl Output {
    /// The process's own standard output and error.
    pub fn process(json: bool) -> Self {
        let output = Self::new(
            Box::new(anstream::AutoStream::auto(io::stdout())),
            Box::new(anstream::AutoStream::auto(io::stderr())),
            json,
        );
        Self { terminal: io::stderr().is_terminal(), ..output }
    }

    /// Any two writers.
    pub fn new(out: Box<dyn Write + Send>, err: Box<dyn Write + Send>, json: bool) -> Self {
        Self { out, err, json, closed: false, broken: None, terminal: false, progress: None }
    }

    /// Whether `--json` was given.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Whether the reader of standard output has gone.
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

    /// A line about what is happening, for people: on standard error. Nothing with `--json`. Text from outside goes through
    /// [`one_line`] or a style first.
    pub fn progress(&mut self, line: &str) {
        if !self.json {
            self.write_err(line);
        }
    }

    /// A remark beside the output, for people: on standard error. Nothing with `--json`.
    pub fn remark(&mut self, remark: &str) {
        self.progress(&format!("{FAINT}{}{FAINT:#}", text(remark)));
    }

    /// Why a command failed, on standard error.
    pub fn failure(&mut self, failure: &Failure) {
        self.progress = None;
        if self.json {
            self.write_err(&failure.json().to_string());
        } else {
            self.write_err(&format!("{BAD}error:{BAD:#} {}", text(&failure.text())));
        }
    }

    /// Whether standard error is a terminal and people read it.
    pub fn is_interactive(&self) -> bool {
        self.terminal && !self.json
    }

    /// Long work begins: a spinner on a terminal. Nothing with `--json`. Ends what was shown before.
    pub fn begin(&mut self, what: &str) {
        self.progress = None;
        if !self.json {
            self.progress = Some(Progress::begin(what, self.terminal));
        }
    }

    /// So much of the work is done.
    pub fn advance(&mut self, done: u64, all: u64) {
        let line = self.progress.as_mut().and_then(|progress| progress.advance(done, all));
        if let Some(line) = line {
            self.remark(&line);
        }
    }

    /// Something else happens now within the work.
    pub fn rename(&mut self, what: &str) {
        if let Some(progress) = &mut self.progress {
            progress.rename(what);
        }
    }

    /// The work is done.
    pub fn end(&mut self) {
        self.progress = None;
    }

    /// Whether everything was written that the reader waited for.
    ///
    /// # Errors
    /// It could not be written, for example because the disk is full.
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
        let out = &mut self.out;
        let mut put = || writeln!(out, "{line}").and_then(|()| out.flush());
        let written = match &self.progress {
            Some(progress) => progress.suspend(put),
            None => put(),
        };
        if let Err(error) = written {
            self.closed = true;
            if error.kind() != io::ErrorKind::BrokenPipe {
                self.broken = Some(error);
            }
        }
    }

    fn write_err(&mut self, line: &str) {
        let err = &mut self.err;
        let mut put = || writeln!(err, "{line}");
        // There is no place left to report that standard error is gone.
        let _ = match &self.progress {
            Some(progress) => progress.suspend(put),
            None => put(),
        };
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

/// Ended well, on one line.
pub fn good(from_outside: &str) -> String {
    styled(GOOD, from_outside)
}

/// Ended badly, on one line.
pub fn bad(from_outside: &str) -> String {
    styled(BAD, from_outside)
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
