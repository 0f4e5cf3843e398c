//! Tables for the eye: aligned, as wide as the screen, with bars and totals.

use anstyle::{AnsiColor, Style};
use ccstats_core::{Column, Kind, Report, Section, Table, Untrusted, Value, counted, grouped};
use unicode_width::UnicodeWidthStr;

use crate::format::number::bytes;
use crate::format::{Screen, problems, readable, salvaged};

const TITLE: Style = Style::new().bold();
const HEADING: Style = Style::new().dimmed();
const KEY: Style = AnsiColor::Cyan.on_default();
const BAR: Style = AnsiColor::Blue.on_default();

/// Between columns.
const GAP: &str = "  ";

/// What stands before the totals of a list.
const TOTAL: &str = "total";

/// Columns that the bar beside the largest row may take; shorter ones cannot be told apart.
const SHORTEST_BAR: usize = 6;
const LONGEST_BAR: usize = 30;

/// Rows that a terminal shows of a list that stands alone, and of one of several.
const ROWS_ALONE: usize = 30;
const ROWS_BESIDE_OTHERS: usize = 10;

pub(super) fn render(report: &Report, screen: &Screen) -> String {
    let mut text = title(report);
    let is_list = report.rows().is_some();
    if !is_list {
        text += &figures(&report.totals.table, screen);
    }
    for (index, section) in report.sections.iter().enumerate() {
        if is_list && index == 0 {
            text += &list(section, Some(&report.totals.table), screen, ROWS_ALONE);
        } else if !section.table.rows.is_empty() {
            text += &format!("\n{HEADING}{}{HEADING:#}", section.key.replace('_', " "));
            text += &list(section, None, screen, ROWS_BESIDE_OTHERS);
        }
    }
    let sentences = report.notes.iter().cloned().chain([reading(report)]).chain(report.advice.clone());
    sentences.for_each(|sentence| text += &format!("\n{}", wrapped('·', &sentence, screen.width)));
    if screen.is_unicode { text } else { text.replace('…', "~").replace('█', "#").replace(['·', '–'], "-") }
}

fn title(report: &Report) -> String {
    let range = &report.range;
    let days = match (&range.start, &range.end) {
        (Some(start), Some(end)) if start == end => start.clone(),
        (Some(start), Some(end)) => format!("{start} to {end}"),
        (Some(start), None) => format!("from {start}"),
        (None, Some(end)) => format!("until {end}"),
        (None, None) => "all time".into(),
    };
    let name = Untrusted::new(&range.name);
    let name = if days == name.raw() || range.name == "all" { String::new() } else { format!(" · {}", name.shown()) };
    format!("{TITLE}ccstats {}{TITLE:#}{HEADING}{name} · {days} · {}{HEADING:#}\n", report.name.name(), range.time_zone)
}

/// A single row, turned on its side: blocks of figures beside each other.
fn figures(table: &Table, screen: &Screen) -> String {
    let mut blocks: Vec<(&str, Vec<(String, String)>)> = Vec::new();
    for (column, value) in table.columns.iter().zip(table.rows.first().into_iter().flatten()) {
        if !matches!(value, Value::Number(_)) {
            continue;
        }
        let (block, name) = column.name.split_once('.').unwrap_or(("", column.name));
        let line = (name.replace('_', " "), cell(column.kind, value));
        match blocks.iter_mut().find(|(known, _)| *known == block) {
            Some((_, lines)) => lines.push(line),
            None => blocks.push((block, vec![line])),
        }
    }
    let blocks = blocks.into_iter().map(|(name, lines)| figure_block(name, &lines)).collect();
    beside(blocks, screen.width)
}

/// Lines of one width: a heading, and figures with their names.
fn figure_block(name: &str, lines: &[(String, String)]) -> Vec<String> {
    /// That of `$0.00`, with which all other values line up.
    const NARROWEST_VALUE: usize = 5;
    let names = lines.iter().map(|(name, _)| name.width()).max().unwrap_or(0);
    let values = lines.iter().map(|(_, value)| value.width()).max().unwrap_or(0).max(NARROWEST_VALUE);
    let width = names + GAP.len() + values;
    let name = name.replace('_', " ");
    let heading = format!("{HEADING}{name}{HEADING:#}{}", " ".repeat(width.saturating_sub(name.width())));
    let figures = lines.iter().map(|(name, value)| format!("{name:<names$}{GAP}{value:>values$}"));
    std::iter::once(heading).chain(figures).collect()
}

/// Blocks beside each other as long as they fit, then below.
fn beside(blocks: Vec<Vec<String>>, width: usize) -> String {
    const BETWEEN: usize = 4;
    let block_width = |block: &[String]| block.get(1).map_or(0, |line| line.width());
    let mut text = String::new();
    let mut rest = &blocks[..];
    while !rest.is_empty() {
        let mut used = 0;
        let fit = rest.iter().take_while(|block| {
            used += block_width(block) + BETWEEN;
            used <= width + BETWEEN
        });
        let (row, below) = rest.split_at(fit.count().max(1));
        if !text.is_empty() {
            text.push('\n');
        }
        for line in 0..row.iter().map(Vec::len).max().unwrap_or(0) {
            let mut joined = String::new();
            for block in row {
                let filler = " ".repeat(block_width(block));
                joined += block.get(line).unwrap_or(&filler);
                joined += &" ".repeat(BETWEEN);
            }
            text += joined.trim_end();
            text.push('\n');
        }
        rest = below;
    }
    text
}

/// A list with its heading, as much of it as the screen takes.
fn list(section: &Section, totals: Option<&Table>, screen: &Screen, most: usize) -> String {
    let table = &section.table;
    if table.rows.is_empty() {
        return "\nnothing found\n".into();
    }
    let (rows, rest) = if screen.cut_lists { cut(section, most) } else { (&table.rows[..], None) };
    let layout = Layout::new(table, totals, rows, screen.width);
    let mut text = String::from("\n");
    text += &layout.heading();
    let largest = rows.iter().map(|row| layout.size(row)).max().unwrap_or(0);
    rows.iter().for_each(|row| text += &layout.row(row, largest));
    if let Some(totals) = totals.filter(|totals| layout.has_total(totals)) {
        text += &layout.totals(totals);
    }
    if let Some(rest) = rest {
        text += &wrapped('…', &rest, screen.width);
    }
    text
}

/// The rows that a long list shows, and a sentence about the rest. That sentence takes a
/// line too, so it never stands for a single row.
fn cut(section: &Section, most: usize) -> (&[Vec<Value>], Option<String>) {
    let rows = &section.table.rows;
    let n_left = rows.len().saturating_sub(most);
    let count = grouped(n_left as u128);
    if n_left <= 1 {
        (rows, None)
    } else if section.is_chronological {
        (&rows[n_left..], Some(format!("and {count} earlier; `--top N` shows as many as you like")))
    } else {
        (&rows[..most], Some(format!("and {count} more; `--top N` shows as many as you like")))
    }
}

/// Which columns of a table are shown, and how wide.
struct Layout<'t> {
    /// Indices and widths.
    columns: Vec<(usize, usize)>,
    table: &'t Table,
    bar: usize,
}

impl<'t> Layout<'t> {
    fn new(table: &'t Table, totals: Option<&Table>, rows: &[Vec<Value>], width: usize) -> Layout<'t> {
        let wanted = |index: usize| {
            let column = &table.columns[index];
            let cells = rows.iter().map(|row| cell(column.kind, &row[index]).width());
            let total = totals.map_or(0, |totals| total_cell(column, totals).width());
            let label = if totals.is_some() && index == 0 { TOTAL.width() } else { 0 };
            cells.max().unwrap_or(0).max(total).max(label).max(heading(column).width())
        };
        let is_detail = |index: usize| table.columns[index].is_detail;
        let says_nothing = |index: usize, value: &Value| *value == Value::None || is_detail(index) && *value == Value::Number(0);
        let is_shown = |index: &usize| !table.rows.iter().all(|row| says_nothing(*index, &row[*index]));
        let columns = (0..table.columns.len()).filter(is_shown);
        let columns = columns.map(|index| (index, wanted(index))).collect();
        let mut layout = Layout { columns, table, bar: 0 };
        layout.drop_columns(width);
        layout.shorten_texts(width);
        let left = width.saturating_sub(layout.width() + GAP.len());
        let has_money = layout.columns.iter().any(|(index, _)| table.columns[*index].kind == Kind::Money);
        layout.bar = if has_money && left >= SHORTEST_BAR && rows.len() > 1 { left.min(LONGEST_BAR) } else { 0 };
        layout
    }

    fn width(&self) -> usize {
        self.columns.iter().map(|(_, width)| width + GAP.len()).sum::<usize>().saturating_sub(GAP.len())
    }

    /// Drops details that have no room beside whole names, then columns from the
    /// right until the rest fits with its texts cut short. Money stays.
    fn drop_columns(&mut self, width: usize) {
        /// Longer names are cut before a detail goes.
        const WHOLE_TEXT: usize = 40;
        /// A name needs so much to be told from others.
        const SHORTEST_TEXT: usize = 16;
        while self.width_with_texts_of(WHOLE_TEXT) > width {
            let Some(detail) = self.columns.iter().rposition(|(index, _)| self.table.columns[*index].is_detail) else { break };
            self.columns.remove(detail);
        }
        while self.columns.len() > 2 && self.width_with_texts_of(SHORTEST_TEXT) > width {
            let is_money = |index: usize| self.table.columns[index].kind == Kind::Money;
            let last = self.columns.iter().rposition(|(index, _)| !is_money(*index)).unwrap_or(0).max(1);
            self.columns.remove(last);
        }
    }

    fn width_with_texts_of(&self, most: usize) -> usize {
        let texts = self.columns.iter().filter(|(index, _)| may_be_cut(&self.table.columns[*index]));
        let saved = texts.map(|(_, text)| text.saturating_sub(most));
        self.width() - saved.sum::<usize>()
    }

    /// Takes from the widest text what does not fit.
    fn shorten_texts(&mut self, width: usize) {
        const SHORTEST: usize = 4;
        while self.width() > width {
            let table = self.table;
            let texts = self.columns.iter_mut().filter(|(index, _)| may_be_cut(&table.columns[*index]));
            match texts.max_by_key(|(_, text)| *text) {
                Some((_, text)) if *text > SHORTEST => *text -= 1,
                _ => return,
            }
        }
    }

    fn heading(&self) -> String {
        let cells = self.columns.iter().map(|(index, width)| {
            let column = &self.table.columns[*index];
            aligned(&heading(column), *width, column.kind.is_text())
        });
        format!("{HEADING}{}{HEADING:#}\n", cells.collect::<Vec<_>>().join(GAP).trim_end())
    }

    fn row(&self, row: &[Value], largest: u128) -> String {
        let cells = self.columns.iter().enumerate().map(|(position, (index, width))| {
            let column = &self.table.columns[*index];
            let cell = aligned(&shortened(&cell(column.kind, &row[*index]), *width, column.kind), *width, column.kind.is_text());
            if position == 0 { format!("{KEY}{cell}{KEY:#}") } else { cell }
        });
        let line = cells.collect::<Vec<_>>().join(GAP);
        let length = (self.size(row) * self.bar as u128).checked_div(largest).unwrap_or(0) as usize;
        if length == 0 {
            return line.trim_end().to_string() + "\n";
        }
        format!("{line}{GAP}{BAR}{}{BAR:#}\n", "█".repeat(length))
    }

    fn has_total(&self, totals: &Table) -> bool {
        self.columns.iter().any(|(index, _)| totals.column(self.table.columns[*index].name).is_some())
    }

    fn totals(&self, totals: &Table) -> String {
        let cells = self.columns.iter().enumerate().map(|(position, (index, width))| {
            let column = &self.table.columns[*index];
            let text = if position == 0 { TOTAL.into() } else { total_cell(column, totals) };
            aligned(&text, *width, column.kind.is_text())
        });
        format!("{TITLE}{}{TITLE:#}\n", cells.collect::<Vec<_>>().join(GAP).trim_end())
    }

    /// What the bar of a row shows: its money.
    fn size(&self, row: &[Value]) -> u128 {
        let money = self.table.columns.iter().position(|column| column.kind == Kind::Money);
        match money.map(|index| &row[index]) {
            Some(Value::Number(number)) => *number,
            _ => 0,
        }
    }
}

/// The total under a column: that of the same name.
fn total_cell(column: &Column, totals: &Table) -> String {
    let index = totals.column(column.name);
    index.zip(totals.rows.first()).map_or(String::new(), |(index, row)| cell(column.kind, &row[index]))
}

/// `tokens.output` is headed `output`, `tokens.total` is headed `tokens`, and
/// `duration_ms` is headed `duration`: its cells say their units.
fn heading(column: &Column) -> String {
    let name = match column.name.split_once('.') {
        Some((outer, "total")) => outer,
        Some((_, inner)) => inner,
        None => column.name.strip_suffix("_ms").unwrap_or(column.name),
    };
    name.replace('_', " ")
}

/// Days and times have one length: cut short they say nothing.
fn may_be_cut(column: &Column) -> bool {
    matches!(column.kind, Kind::Text | Kind::Phrase)
}

fn cell(kind: Kind, value: &Value) -> String {
    let text = |text: &Untrusted| if kind == Kind::Instant { minute(text.raw()) } else { text.shown().to_string() };
    readable(kind, value, text).unwrap_or_else(|| "–".into())
}

/// The day and minute of an instant: the title names the zone.
fn minute(instant: &str) -> String {
    const MINUTE: usize = "2026-11-20T19:30".len();
    instant.chars().take(MINUTE).map(|letter| if letter == 'T' { ' ' } else { letter }).collect()
}

fn aligned(text: &str, width: usize, left: bool) -> String {
    let filler = " ".repeat(width.saturating_sub(text.width()));
    if left { format!("{text}{filler}") } else { format!("{filler}{text}") }
}

/// A text cut to a width. Names differ most at their ends, so their start goes.
fn shortened(text: &str, width: usize, kind: Kind) -> String {
    if text.width() <= width {
        return text.into();
    }
    let mut left = width.saturating_sub(1);
    let mut fits = |letter: &char| {
        let room = left.checked_sub(letter.to_string().width());
        left = room.unwrap_or(0);
        room.is_some()
    };
    if kind == Kind::Phrase {
        return text.chars().take_while(&mut fits).chain(['…']).collect();
    }
    let end: Vec<char> = text.chars().rev().take_while(&mut fits).collect();
    std::iter::once('…').chain(end.into_iter().rev()).collect()
}

/// What was read, and what was skipped.
fn reading(report: &Report) -> String {
    let accounting = &report.accounting;
    let total = accounting.lines.total();
    let mut text =
        format!("read {}, {}, {}", counted(accounting.transcripts, "transcript"), counted(total.lines, "line"), bytes(accounting.bytes()));
    let unfinished = (accounting.lines.unfinished.lines > 0).then(|| format!("{} unfinished", accounting.lines.unfinished.lines));
    let groups = problems(accounting).into_iter().map(|group| group.to_string());
    let skipped: Vec<_> = groups.chain(salvaged(accounting)).chain(unfinished).collect();
    if !skipped.is_empty() {
        text += &format!("; {}", skipped.join(", "));
    }
    if accounting.gone > 0 {
        text += &format!("; the store knows the figures of {} deleted ones, no commands and no texts", grouped(accounting.gone.into()));
    }
    text
}

/// A sentence on lines of its own, behind a mark.
fn wrapped(mark: char, sentence: &str, width: usize) -> String {
    let mut text = format!("{HEADING}{mark}");
    let mut used = 1;
    for word in sentence.split(' ') {
        if used + 1 + word.width() > width {
            text += "\n ";
            used = 1;
        }
        text = text + " " + word;
        used += 1 + word.width();
    }
    format!("{text}{HEADING:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn width(line: &str) -> usize {
        anstream::adapter::strip_str(line).to_string().width()
    }

    #[test]
    fn what_stands_below_a_list_is_no_wider_than_the_screen() {
        let mut table = Table::new(&[("file", Kind::Text), ("edits", Kind::Count), ("sessions", Kind::Count)]);
        table.extend((0..40_u64).map(|edits| vec![Value::text("a"), edits.into(), 1_u64.into()]));
        let mut totals = Table::new(&[("edits", Kind::Count)]);
        totals.push(vec![780_u64.into()]);
        let screen = Screen { width: 24, cut_lists: true, is_unicode: true };
        let text = list(&Section::new("rows", table), Some(&totals), &screen, 2);
        let plain = anstream::adapter::strip_str(&text).to_string();
        assert!(text.lines().all(|line| width(line) <= screen.width), "{plain}");
        assert!(plain.ends_with("\ntotal    780\n… and 38 more; `--top N`\n  shows as many as you\n  like\n"), "{plain}");
    }

    fn days(count: u64) -> Section {
        let mut table = Table::new(&[("day", Kind::Day), ("edits", Kind::Count)]);
        table.extend((0..count).map(|day| vec![Value::text(format!("2026-11-{:02}", day + 1)), day.into()]));
        Section { is_chronological: true, ..Section::new("rows", table) }
    }

    fn shown(section: &Section, most: usize) -> String {
        let screen = Screen { width: 80, cut_lists: true, is_unicode: true };
        anstream::adapter::strip_str(&list(section, None, &screen, most)).to_string()
    }

    #[test]
    fn of_a_list_in_the_order_of_time_the_latest_rows_are_shown() {
        let text = shown(&days(9), 2);
        assert_eq!(
            text,
            "\nday         edits\n2026-11-08      7\n2026-11-09      8\n… and 7 earlier; `--top N` shows as many as you like\n"
        );
        let mut by_edits = days(9);
        by_edits.table.rows.reverse();
        by_edits.is_chronological = false;
        assert!(shown(&by_edits, 2).contains("2026-11-09      8\n2026-11-08      7\n… and 7 more"));
    }

    #[test]
    fn a_list_without_rows_says_so() {
        assert_eq!(shown(&days(0), 2), "\nnothing found\n");
    }

    #[test]
    fn figures_that_find_no_room_beside_others_stand_apart() {
        let block = |name| figure_block(name, &[("input".into(), "1".into())]);
        let plain = |width| anstream::adapter::strip_str(&beside(vec![block("tokens"), block("cost")], width)).to_string();
        assert_eq!(plain(40), "tokens          cost\ninput      1    input      1\n");
        assert_eq!(plain(20), "tokens\ninput      1\n\ncost\ninput      1\n");
    }

    #[test]
    fn a_list_with_one_row_too_many_shows_all() {
        assert_eq!(shown(&days(3), 2).lines().count(), 5);
    }

    #[test]
    fn an_instant_is_shown_to_the_minute() {
        assert_eq!(cell(Kind::Instant, &Value::text("2026-11-18T11:35:41+01:00")), "2026-11-18 11:35");
    }
}
