//! Rows of tables in Markdown.

/// Text for a cell of a table: one line, with `|` escaped.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// The row of a table.
pub(super) fn row<const COUNT: usize>(cells: [&str; COUNT]) -> String {
    let cells = cells.map(cell);
    format!("| {} |\n", cells.join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_one_line_and_keeps_its_bars() {
        assert_eq!(row(["a\n  b", "x|y"]), "| a b | x\\|y |\n");
    }
}
