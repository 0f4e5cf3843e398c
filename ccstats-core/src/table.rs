//! Plain tables: what reports give and formats render.
//!
//! A column knows the kind of its values, so a format needs to know no report,
//! and a report no format. A dot in a name nests it in formats that can nest:
//! `tokens.input` is `input` of `tokens`.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::time::Calendar;
use crate::untrusted::Untrusted;

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Names and words.
    Text,
    /// What somebody wrote, or an id: the start tells most.
    Phrase,
    /// A civil day, week or month as text; sorts as text.
    Day,
    /// A time with its offset from UTC, as text (RFC 3339).
    Instant,
    /// A whole number of things.
    Count,
    /// A whole number that may be below zero: what was added, less what was removed.
    Net,
    /// A whole number of tokens.
    Tokens,
    /// Picodollars.
    Money,
    /// Milliseconds.
    Duration,
    /// A share from 0 to 1.
    Share,
    /// How many there are for each one, or each hundred, of something else.
    Rate,
    /// Yes or no.
    Flag,
}

impl Kind {
    /// Whether values are read from the left and sorted as text.
    pub fn is_text(self) -> bool {
        matches!(self, Kind::Text | Kind::Phrase | Kind::Day | Kind::Instant)
    }
}

/// A column of a [`Table`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, the same in every version; dots nest.
    pub name: &'static str,
    /// What its values are.
    pub kind: Kind,
    /// Shown only where there is room; formats for programs show all.
    pub is_detail: bool,
}

/// One value of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// Unknown or not applicable; never zero.
    None,
    /// A text, which may come from a transcript.
    Text(Untrusted),
    /// A whole number: things, tokens, picodollars or milliseconds, as the column says.
    Number(u128),
    /// A whole number that may be below zero.
    Net(i64),
    /// A share from 0 to 1.
    Share(f64),
    /// How many for each one, or each hundred, as the column says.
    Rate(f64),
    /// Yes or no.
    Flag(bool),
    /// Several texts.
    List(Vec<Untrusted>),
}

impl Value {
    /// A text value.
    pub fn text(text: impl Into<String>) -> Value {
        Value::Text(Untrusted::new(text))
    }

    /// An instant, in milliseconds since 1970, as text in the zone of a calendar.
    pub(crate) fn instant(instant_ms: Option<i64>, calendar: &Calendar) -> Value {
        instant_ms.map_or(Value::None, |instant| Value::text(calendar.instant(instant)))
    }

    /// The raw text of a text value.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text.raw()),
            _ => None,
        }
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Value {
        Value::Number(number.into())
    }
}

impl From<u128> for Value {
    fn from(number: u128) -> Value {
        Value::Number(number)
    }
}

impl From<Option<u128>> for Value {
    fn from(number: Option<u128>) -> Value {
        number.map_or(Value::None, Value::Number)
    }
}

/// Rows of values under columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The columns, in the order of every row.
    pub columns: Vec<Column>,
    /// The rows, in the order of the report. Every row has one value per column.
    pub rows: Vec<Vec<Value>>,
}

/// Which way a table is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The smallest first.
    Ascending,
    /// The largest first.
    Descending,
}

impl Table {
    /// A table without rows.
    pub fn new(columns: &[(&'static str, Kind)]) -> Table {
        let columns = columns.iter().map(|(name, kind)| Column { name, kind: *kind, is_detail: false }).collect();
        Table { columns, rows: Vec::new() }
    }

    /// Marks columns as details.
    pub fn details(mut self, names: &[&str]) -> Table {
        for column in self.columns.iter_mut().filter(|column| names.contains(&column.name)) {
            column.is_detail = true;
        }
        self
    }

    /// Adds a row.
    ///
    /// # Panics
    /// When it has not one value per column.
    pub fn push(&mut self, row: Vec<Value>) {
        assert_eq!(row.len(), self.columns.len(), "every row has one value per column");
        self.rows.push(row);
    }

    /// Adds rows.
    ///
    /// # Panics
    /// When one has not one value per column.
    pub fn extend(&mut self, rows: impl IntoIterator<Item = Vec<Value>>) {
        rows.into_iter().for_each(|row| self.push(row));
    }

    /// Puts columns in before that at an index, and for each row what it has there.
    pub(crate) fn insert_columns<const N: usize>(&mut self, at: usize, columns: [Column; N], cells: impl Fn(&[Value]) -> [Value; N]) {
        self.columns.splice(at..at, columns);
        for row in &mut self.rows {
            let cells = cells(row);
            row.splice(at..at, cells);
        }
    }

    /// The index of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// Sorts by one column, or by the total of several: `tokens` is `tokens.total`. Rows
    /// that are equal there keep their order. Without a direction texts ascend and numbers
    /// descend. Unknown values come last.
    ///
    /// # Errors
    /// [`Error::Column`] when there is no such column.
    pub fn sort(&mut self, name: &str, direction: Option<Direction>) -> Result<(), Error> {
        let index = self.column(name).or_else(|| self.column(&format!("{name}.total")));
        let index = index.ok_or_else(|| {
            let known = self.columns.iter().map(|column| column.name.to_string()).collect();
            Error::Column { name: name.into(), known }
        })?;
        let is_text = self.columns[index].kind.is_text();
        let natural = if is_text { Direction::Ascending } else { Direction::Descending };
        let is_descending = direction.unwrap_or(natural) == Direction::Descending;
        self.rows.sort_by(|a, b| {
            let (a, b) = (&a[index], &b[index]);
            let unknown = |value: &Value| *value == Value::None;
            let by_value = if is_descending { compare(b, a) } else { compare(a, b) };
            unknown(a).cmp(&unknown(b)).then(by_value)
        });
        Ok(())
    }
}

fn compare(a: &Value, b: &Value) -> std::cmp::Ordering {
    match (a, b) {
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::Number(a), Value::Number(b)) => a.cmp(b),
        (Value::Net(a), Value::Net(b)) => a.cmp(b),
        (Value::Share(a), Value::Share(b)) | (Value::Rate(a), Value::Rate(b)) => a.total_cmp(b),
        (Value::Flag(a), Value::Flag(b)) => a.cmp(b),
        (Value::List(a), Value::List(b)) => a.len().cmp(&b.len()),
        _ => std::cmp::Ordering::Equal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_values_are_last_whichever_way_a_table_is_sorted() {
        let mut table = Table::new(&[("cost", Kind::Money)]);
        table.extend([Value::None, Value::Number(1), Value::Number(2)].map(|value| vec![value]));
        table.sort("cost", None).expect("known");
        assert_eq!(table.rows, [[Value::Number(2)], [Value::Number(1)], [Value::None]]);
        table.sort("cost", Some(Direction::Ascending)).expect("known");
        assert_eq!(table.rows, [[Value::Number(1)], [Value::Number(2)], [Value::None]]);
    }

    #[test]
    fn what_has_a_total_is_sorted_by_it() {
        let mut table = Table::new(&[("tokens.input", Kind::Count), ("tokens.total", Kind::Count)]);
        table.extend([(9, 10), (1, 20)].map(|(input, total)| vec![Value::Number(input), Value::Number(total)]));
        table.sort("tokens", None).expect("known");
        assert_eq!(table.rows[0][1], Value::Number(20));
    }

    #[test]
    fn a_column_that_is_not_there_is_an_error_that_names_those_that_are() {
        let error = Table::new(&[("day", Kind::Day)]).sort("date", None).expect_err("unknown");
        assert_eq!(error.to_string(), "no column `date`: expected one of day");
    }
}
