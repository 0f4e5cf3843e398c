//! What the transcripts say to a question, before it is sorted and cut.
//!
//! To work out an answer takes nearly all of the time of a report. A store keeps the last one of
//! each report, and it holds for as long as a load would give the same. It holds no text
//! of transcripts: the lines of errors that it quotes are read where they stand.

#[cfg(feature = "store")]
mod kept;

use super::behaviour::FAILING_COMMANDS;
use super::{Contents, Report, ReportName, ReportOptions, arrange, blocks, contents, label};
use crate::behaviour::failures::LAST_ERROR;
use crate::behaviour::secrets::redact;
use crate::dataset::{Accounting, Dataset};
use crate::error::Error;
use crate::prices::Prices;
use crate::query::{Query, Selection};
use crate::reread::ErrorLine;
use crate::table::{Table, Value};

/// What a report is to tell.
#[derive(Clone, Copy, Debug)]
pub struct Question<'q> {
    /// Which report.
    pub name: ReportName,
    /// What it is about.
    pub query: &'q Query,
    /// What tokens cost.
    pub prices: &'q Prices,
    /// What else it is told.
    pub options: &'q ReportOptions,
}

/// What a report tells.
#[derive(Clone, Debug)]
pub struct Answer {
    contents: Contents,
    accounting: Accounting,
    is_empty: bool,
}

impl Question<'_> {
    /// Works out the answer.
    ///
    /// # Errors
    /// [`Error::Glob`] for a filter that is no glob, [`Error::WithoutFrames`] when it needs the
    /// feature `frames` and the crate was built without.
    pub fn answer(&self, dataset: &Dataset) -> Result<Answer, Error> {
        let Question { name, query, prices, options } = *self;
        let whole = (name == ReportName::Blocks).then(|| crate::blocks::over_whole_blocks(dataset, query, options.now_ms));
        let (asked, query) = (query, whole.as_ref().unwrap_or(query));
        let selection = Selection::new(dataset, query)?;
        let mut contents = contents(name, &selection, prices, options)?;
        contents.notes.extend(blocks::note(asked, query));
        let mut accounting = dataset.accounting().clone();
        accounting.problems.extend(options.leaks.iter().flat_map(|leaks| leaks.problems.iter().cloned()));
        // Formats take problems of one kind from one stretch.
        accounting.problems.sort();
        Ok(Answer { contents, accounting, is_empty: selection.is_empty() })
    }

    /// Makes a report of the answer: sorted and cut as the options say.
    ///
    /// # Errors
    /// [`Error::Column`] when no table of the report has the column to sort by.
    pub fn report(&self, answer: Answer) -> Result<Report, Error> {
        let Answer { contents, accounting, is_empty } = answer;
        let Contents { totals, mut sections, notes, advice, last_errors } = contents;
        if let Some(section) = sections.iter_mut().find(|section| section.key == FAILING_COMMANDS) {
            quote(&mut section.table, &last_errors);
        }
        arrange(&mut sections, self.name, self.options)?;
        redact(sections.iter_mut().map(|section| &mut section.table));
        Ok(Report { name: self.name, range: label(self.query), totals, is_empty, sections, accounting, notes, advice })
    }
}

/// Fills in the lines of errors, one for each row.
fn quote(failing_commands: &mut Table, last_errors: &[Option<ErrorLine>]) {
    let column = failing_commands.column(LAST_ERROR).expect("each command may have one");
    for (row, line) in failing_commands.rows.iter_mut().zip(last_errors) {
        row[column] = line.as_ref().and_then(ErrorLine::read).map_or(Value::None, Value::text);
    }
}
