//! Joins the facts of two workers.
//!
//! Each worker has symbols of its own, so those of one are renamed: a symbol that is
//! forgotten here names something else as soon as two threads work.

use super::Facts;
use crate::rows::{
    AgentRow, ApiErrorRow, CallRow, CutRow, LineRow, MentionRow, MessageRow, Origin, PromptRow, ResultRow, StoredCommand, TitleRow,
};
use crate::symbols::Symbol;

/// From so many messages on, memory matters more than some hundredths of the time.
const MANY_MESSAGES: usize = 100_000;

impl Facts {
    /// Takes in all rows of another worker.
    pub(crate) fn absorb(&mut self, other: Facts) {
        let new = Renamed(self.symbols.absorb(other.symbols));
        let effects_before = self.effects.absorb(other.effects, |symbol| new.symbol(symbol));
        let is_large = other.messages.rows().len() > MANY_MESSAGES;
        // The three large tables need nothing of each other.
        let Facts { messages, calls, results, .. } = self;
        let fold_messages = || messages.absorb(other.messages, |row| new.message(row));
        let fold_calls = || calls.absorb(other.calls, |row| new.call(row, effects_before));
        let fold_results = || results.absorb(other.results, |row| new.result(row));
        // While a table is taken in its rows are in memory twice: of many, one table at a time.
        if is_large {
            fold_messages();
            fold_calls();
            fold_results();
        } else {
            rayon::join(fold_messages, || rayon::join(fold_calls, fold_results));
        }
        self.follow_ups.absorb(other.follow_ups, |row| row);
        self.prompts.absorb(other.prompts, |row| PromptRow { origin: new.origin(row.origin), title: new.symbol(row.title), ..row });
        self.mentions.absorb(other.mentions, |row| MentionRow { origin: new.origin(row.origin), path: new.symbol(row.path), ..row });
        self.cuts.absorb(other.cuts, |row| CutRow { origin: new.origin(row.origin), trigger: new.symbol(row.trigger), ..row });
        self.api_errors.absorb(other.api_errors, |row| ApiErrorRow { origin: new.origin(row.origin), ..row });
        self.agents.absorb(other.agents, |row| AgentRow { agent: new.symbol(row.agent), ..row });
        let titles = other.titles.into_iter();
        self.titles.extend(titles.map(|row| TitleRow { session: new.symbol(row.session), title: new.symbol(row.title), ..row }));
        self.uuids.extend(other.uuids.into_iter().map(|row| LineRow { session: new.symbol(row.session), ..row }));
        self.pull_requests.extend(other.pull_requests.into_iter().map(|pair| new.pair(pair)));
        self.forks.extend(other.forks.into_iter().map(|pair| new.pair(pair)));
        self.worktrees.extend(other.worktrees.into_iter().map(|pair| new.pair(pair)));
        self.tools_changed.extend(other.tools_changed);
        self.kinds.resize(self.symbols.len(), 0);
        for (kind, count) in new.0.iter().zip(&other.kinds) {
            self.kinds[kind.index()] += count;
        }
        self.account += other.account;
        self.problems.absorb(other.problems);
    }
}

/// What the symbols of one worker are for another, by their index.
struct Renamed(Vec<Symbol>);

impl Renamed {
    fn symbol(&self, symbol: Symbol) -> Symbol {
        self.0[symbol.index()]
    }

    fn pair(&self, (a, b): (Symbol, Symbol)) -> (Symbol, Symbol) {
        (self.symbol(a), self.symbol(b))
    }

    fn origin(&self, origin: Origin) -> Origin {
        Origin {
            session: self.symbol(origin.session),
            project: self.symbol(origin.project),
            branch: self.symbol(origin.branch),
            agent: self.symbol(origin.agent),
            version: self.symbol(origin.version),
            ..origin
        }
    }

    fn message(&self, row: MessageRow) -> MessageRow {
        MessageRow { origin: self.origin(row.origin), model: self.symbol(row.model), ..row }
    }

    /// Effects of commands stand behind those that the other worker has.
    fn call(&self, row: CallRow, effects_before: usize) -> CallRow {
        CallRow {
            origin: self.origin(row.origin),
            tool: self.symbol(row.tool),
            file: self.symbol(row.file),
            command: self.symbol(row.command),
            stored: row.stored.map(|stored| StoredCommand {
                key: self.symbol(stored.key),
                hidden_key: self.symbol(stored.hidden_key),
                effects: stored.effects.map(|id| id.behind(effects_before)),
                ..stored
            }),
            target: self.symbol(row.target),
            subagent_type: self.symbol(row.subagent_type),
            ..row
        }
    }

    fn result(&self, row: ResultRow) -> ResultRow {
        ResultRow { agent: self.symbol(row.agent), agent_type: self.symbol(row.agent_type), error_line: self.symbol(row.error_line), ..row }
    }
}
