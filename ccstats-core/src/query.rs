//! Which rows a report is about: a range of time, and filters by name.

use globset::{GlobBuilder, GlobMatcher};

use crate::dataset::{Dataset, Ending};
use crate::error::Error;
use crate::rows::{ApiErrorRow, CallRow, CutRow, MentionRow, MessageRow, Origin, PromptRow};
use crate::symbols::Symbol;
use crate::time::{Calendar, Instants, Range};

/// A range of time and filters. Empty filters keep everything.
#[derive(Clone, Debug, Hash)]
pub struct Query {
    /// The span of time.
    pub range: Range,
    /// The time zone of its days, and the first day of a week.
    pub calendar: Calendar,
    /// Projects to keep: parts of names, or globs.
    pub projects: Vec<String>,
    /// Sessions to keep.
    pub sessions: Vec<String>,
    /// Models to keep, with all calls of their responses.
    pub models: Vec<String>,
    /// Tools to keep. Messages and prompts are no calls: none of them is kept.
    pub tools: Vec<String>,
    /// Branches to keep.
    pub branches: Vec<String>,
    /// Main threads only.
    pub without_subagents: bool,
}

impl Default for Query {
    fn default() -> Self {
        Query::all()
    }
}

impl Query {
    /// Everything, in UTC.
    pub fn all() -> Query {
        Query {
            range: Range::all(),
            calendar: Calendar::default(),
            projects: Vec::new(),
            sessions: Vec::new(),
            models: Vec::new(),
            tools: Vec::new(),
            branches: Vec::new(),
            without_subagents: false,
        }
    }

    /// Whether something is left out whatever its time.
    pub fn has_filters(&self) -> bool {
        let filters = [&self.projects, &self.sessions, &self.models, &self.tools, &self.branches];
        self.without_subagents || filters.iter().any(|filter| !filter.is_empty())
    }

    /// Whether only calls are asked for.
    pub fn keeps_calls_only(&self) -> bool {
        !self.tools.is_empty()
    }
}

/// A query, made ready for one dataset.
pub(crate) struct Selection<'d> {
    dataset: &'d Dataset,
    query: &'d Query,
    instants: Instants,
    projects: Names,
    sessions: Names,
    models: Names,
    tools: Names,
    branches: Names,
    timeline: Timeline,
}

impl<'d> Selection<'d> {
    pub(crate) fn new(dataset: &'d Dataset, query: &'d Query) -> Result<Selection<'d>, Error> {
        let names = |patterns: &[String]| Names::new(patterns, dataset);
        Ok(Selection {
            dataset,
            query,
            instants: query.range.instants(&query.calendar),
            projects: names(&query.projects)?.of_projects(dataset),
            sessions: names(&query.sessions)?,
            models: names(&query.models)?,
            tools: names(&query.tools)?,
            branches: names(&query.branches)?,
            timeline: if query.models.is_empty() { Timeline::default() } else { Timeline::new(dataset) },
        })
    }

    pub(crate) fn dataset(&self) -> &'d Dataset {
        self.dataset
    }

    pub(crate) fn calendar(&self) -> &'d Calendar {
        &self.query.calendar
    }

    /// Whether nothing at all is selected.
    pub(crate) fn is_empty(&self) -> bool {
        self.messages().next().is_none()
            && self.calls().next().is_none()
            && self.prompts().next().is_none()
            && self.api_errors().next().is_none()
            && self.cuts().next().is_none()
    }

    /// Whether only calls are asked for: then no message is kept.
    pub(crate) fn keeps_calls_only(&self) -> bool {
        self.query.keeps_calls_only()
    }

    /// What messages add up to: unknown, not zero, where only calls are asked for.
    pub(crate) fn of_messages<T>(&self, figure: T) -> Option<T> {
        (!self.keeps_calls_only()).then_some(figure)
    }

    pub(crate) fn messages(&self) -> impl Iterator<Item = &'d MessageRow> {
        self.dataset.messages().iter().filter(|row| self.keeps_message(row))
    }

    pub(crate) fn keeps_message(&self, row: &MessageRow) -> bool {
        !self.keeps_calls_only() && self.models.keep(row.model) && self.keeps_origin(&row.origin)
    }

    pub(crate) fn calls(&self) -> impl Iterator<Item = (&'d CallRow, Ending)> {
        self.dataset.calls().filter(|(row, _)| self.keeps_call(row))
    }

    pub(crate) fn keeps_call(&self, row: &CallRow) -> bool {
        let keeps_model = || self.models.keeps_all() || self.models.keep(self.dataset.model_of(row));
        self.keeps_origin(&row.origin) && self.tools.keep(row.tool) && keeps_model()
    }

    pub(crate) fn prompts(&self) -> impl Iterator<Item = &'d PromptRow> {
        self.dataset.prompts().iter().filter(|row| self.keeps_modelless(&row.origin))
    }

    pub(crate) fn mentions(&self) -> impl Iterator<Item = &'d MentionRow> {
        self.dataset.facts().mentions.rows().iter().filter(|row| self.keeps_modelless(&row.origin))
    }

    pub(crate) fn cuts(&self) -> impl Iterator<Item = &'d CutRow> {
        self.dataset.facts().cuts.rows().iter().filter(|row| self.keeps_modelless(&row.origin))
    }

    pub(crate) fn api_errors(&self) -> impl Iterator<Item = &'d ApiErrorRow> {
        self.dataset.api_errors().iter().filter(|row| self.keeps_modelless(&row.origin))
    }

    /// What has no model of its own belongs to the model that answered next.
    pub(crate) fn keeps_modelless(&self, origin: &Origin) -> bool {
        let has_model = || self.models.keeps_all() || self.models.keep(self.timeline.model_after(origin));
        !self.keeps_calls_only() && self.keeps_origin(origin) && has_model()
    }

    fn keeps_origin(&self, origin: &Origin) -> bool {
        self.instants.holds(origin.order.stamp_ms())
            && self.projects.keep(origin.project)
            && self.sessions.keep(origin.session)
            && self.branches.keep(origin.branch)
            && (!self.query.without_subagents || origin.is_main())
    }
}

/// The names that a filter keeps; `None` keeps all.
struct Names(Option<Vec<bool>>);

impl Names {
    fn new(patterns: &[String], dataset: &Dataset) -> Result<Names, Error> {
        if patterns.is_empty() {
            return Ok(Names(None));
        }
        let patterns = patterns.iter().map(|pattern| Pattern::new(pattern)).collect::<Result<Vec<_>, _>>()?;
        let symbols = dataset.symbols();
        let fits = |symbol| patterns.iter().any(|pattern| pattern.fits(&symbols.name(symbol)));
        Ok(Names(Some(symbols.iter().map(fits).collect())))
    }

    /// Keeps folders of projects by every name that these had.
    fn of_projects(mut self, dataset: &Dataset) -> Names {
        if let Some(kept) = &mut self.0 {
            for (folder, names) in dataset.renamed_projects() {
                kept[folder.index()] |= names.iter().any(|name| kept[name.index()]);
            }
        }
        self
    }

    fn keeps_all(&self) -> bool {
        self.0.is_none()
    }

    fn keep(&self, name: Symbol) -> bool {
        self.0.as_ref().is_none_or(|kept| kept[name.index()])
    }
}

/// What filters take: part of a name, or a glob over the whole name, both
/// without regard to case.
#[derive(Clone, Debug)]
pub struct Pattern(Form);

#[derive(Clone, Debug)]
enum Form {
    Part(String),
    Glob(GlobMatcher),
}

impl Pattern {
    /// A part of a name; a glob if one of `*?[{` stands in it.
    ///
    /// # Errors
    /// [`Error::Glob`] when it is no valid glob.
    pub fn new(pattern: &str) -> Result<Pattern, Error> {
        if !pattern.contains(['*', '?', '[', '{']) {
            return Ok(Pattern(Form::Part(pattern.to_lowercase())));
        }
        let glob = GlobBuilder::new(pattern).case_insensitive(true).backslash_escape(false).build();
        let glob = glob.map_err(|error| Error::Glob { pattern: pattern.into(), why: error.kind().to_string() })?;
        Ok(Pattern(Form::Glob(glob.compile_matcher())))
    }

    /// Whether a name fits.
    pub fn fits(&self, name: &str) -> bool {
        match &self.0 {
            Form::Part(part) => name.to_lowercase().contains(part),
            Form::Glob(glob) => glob.is_match(name),
        }
    }
}

/// The messages of each session by time. An advisor answers nobody but its message.
#[derive(Default)]
struct Timeline(Vec<(Symbol, i64, Symbol)>);

impl Timeline {
    fn new(dataset: &Dataset) -> Timeline {
        let mut messages: Vec<_> = dataset.messages().iter().filter(|row| !row.is_advisor).collect();
        // Symbols are numbered as threads meet them: among messages of one time they must not decide.
        messages.sort_unstable_by_key(|row| (row.origin.session, row.origin.order, row.key));
        Timeline(messages.iter().filter_map(|row| Some((row.origin.session, row.origin.order.stamp_ms()?, row.model))).collect())
    }

    /// The model of the first response in the session at or after a time.
    fn model_after(&self, origin: &Origin) -> Symbol {
        let Some(stamp) = origin.order.stamp_ms() else { return Symbol::NONE };
        let next = self.0.partition_point(|(session, at, _)| (*session, *at) < (origin.session, stamp));
        self.0.get(next).filter(|(session, _, _)| *session == origin.session).map_or(Symbol::NONE, |(_, _, model)| *model)
    }
}
