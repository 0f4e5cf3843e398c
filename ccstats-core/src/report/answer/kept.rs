//! Answers that a store keeps.

use std::borrow::Cow;
use std::hash::Hash;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3Default;

use super::{Answer, Question};
use crate::dataset::{Accounting, Dataset};
use crate::report::{Contents, ReportOptions};
use crate::reread::{ErrorLine, ErrorPlace};
use crate::scan::ScanOptions;
use crate::store::Store;
use crate::table::Value;
use crate::time::Bounds;

impl Question<'_> {
    /// The answer that a load of all that the report [needs](crate::ReportName::needs) would
    /// lead to, if the store kept it and nothing changed since. `beside` is all else that the
    /// figures of the caller depend on: new names of projects, the build of the program.
    pub fn recall(&self, store: &mut Store, scan: &ScanOptions, beside: impl Hash) -> Option<Answer> {
        if !self.can_be_kept() {
            return None;
        }
        self.read(&store.recall(self.name.name(), self.hash(beside), scan)?)
    }

    /// Keeps an answer, if it depends on nothing but `beside` and what is in the store.
    pub fn keep(&self, answer: &Answer, dataset: &Dataset, store: &Store, beside: impl Hash) {
        let Some(load_seal) = dataset.seal().filter(|_| self.can_be_kept() && !answer.is_empty) else { return };
        if let Some(bytes) = Kept::of(answer).and_then(|kept| postcard::to_allocvec(&kept).ok()) {
            store.keep(self.name.name(), self.hash(beside), load_seal, &bytes);
        }
    }

    /// Text of transcripts is not kept, and files beside transcripts change on their own. So does
    /// the time: a question about the last hours is never asked twice.
    fn can_be_kept(&self) -> bool {
        let needs = self.name.needs(self.query);
        let is_of_days = matches!(self.query.range.bounds, Bounds::Days(..));
        is_of_days && needs.known_agents && !needs.text && !needs.five_hour_blocks
    }

    fn hash(&self, beside: impl Hash) -> u128 {
        // What is left out arranges an answer, or belongs to answers that are not kept.
        let ReportOptions { sort: _, top: _, calls_by, allowed_hosts: _, leaks: _, now_ms: _ } = self.options;
        let mut hash = Xxh3Default::new();
        (self.name, self.query, self.prices, calls_by, env!("CARGO_PKG_VERSION")).hash(&mut hash);
        beside.hash(&mut hash);
        hash.digest128()
    }

    fn read(&self, bytes: &[u8]) -> Option<Answer> {
        let kept: Kept = postcard::from_bytes(bytes).ok()?;
        // Tables have the same columns whatever is in them.
        let mut answer = self.answer(&Dataset::empty()).ok()?;
        answer.accounting = kept.accounting.into_owned();
        answer.is_empty = false;
        let Contents { totals, sections, notes, advice, last_errors } = &mut answer.contents;
        totals.table.rows = kept.totals.into_owned();
        for (section, rows) in sections.iter_mut().zip(kept.sections) {
            section.table.rows = rows.into_owned();
        }
        *notes = kept.notes.into_owned();
        *advice = kept.advice.map(Cow::into_owned);
        *last_errors = kept.last_errors.into_iter().map(|place| place.map(|place| ErrorLine::At(place.into_owned()))).collect();
        Some(answer)
    }
}

/// What is kept of an answer: all but the names of tables and columns.
#[derive(Serialize, Deserialize)]
struct Kept<'a> {
    totals: Rows<'a>,
    sections: Vec<Rows<'a>>,
    notes: Cow<'a, [String]>,
    advice: Option<Cow<'a, str>>,
    last_errors: Vec<Option<Cow<'a, ErrorPlace>>>,
    accounting: Cow<'a, Accounting>,
}

type Rows<'a> = Cow<'a, [Vec<Value>]>;

impl<'a> Kept<'a> {
    /// `None` for an answer that holds text of transcripts.
    fn of(answer: &'a Answer) -> Option<Kept<'a>> {
        let Contents { totals, sections, notes, advice, last_errors } = &answer.contents;
        let place = |line: &'a Option<ErrorLine>| match line {
            None => Some(None),
            Some(ErrorLine::At(place)) => Some(Some(Cow::Borrowed(place))),
            Some(ErrorLine::Text(_)) => None,
        };
        Some(Kept {
            totals: (&totals.table.rows).into(),
            sections: sections.iter().map(|section| (&section.table.rows).into()).collect(),
            notes: notes.into(),
            advice: advice.as_deref().map(Cow::from),
            last_errors: last_errors.iter().map(place).collect::<Option<_>>()?,
            accounting: Cow::Borrowed(&answer.accounting),
        })
    }
}
