//! Adds up what was scanned, in the names of [`Figures`].

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use super::figures::{Figures, KINDS, OUTCOMES};
use super::outcome::{lines_changed, outcome};
use super::prices::{Prices, UNITS_PER_PICODOLLAR};
use super::scan::{self, Message, Scan};

const EDITORS: [&str; 4] = ["Edit", "MultiEdit", "Write", "NotebookEdit"];

/// Messages, tokens and money of some messages.
#[derive(Default)]
struct Sums {
    messages: i128,
    unpriced: i128,
    tokens: [i128; 5],
    cost: i128,
}

impl Sums {
    fn add(&mut self, message: &Message, cost: Option<i128>) {
        self.messages += 1;
        self.unpriced += i128::from(cost.is_none());
        self.cost += cost.unwrap_or(0);
        for (sum, tokens) in self.tokens.iter_mut().zip(message.usage.tokens) {
            *sum += i128::from(tokens);
        }
    }

    /// None when there are messages and none has a price.
    fn picodollars(&self) -> Option<i128> {
        (self.messages == 0 || self.unpriced < self.messages).then_some(self.cost / UNITS_PER_PICODOLLAR)
    }

    fn put(&self, figures: &mut Figures, prefix: &str) {
        figures.insert(format!("{prefix}messages"), Some(self.messages));
        figures.insert(format!("{prefix}cost"), self.picodollars());
        for (kind, tokens) in KINDS.iter().zip(self.tokens) {
            figures.insert(format!("{prefix}tokens.{kind}"), Some(tokens));
        }
    }
}

/// Every figure of `summary` over all time below one root.
pub(crate) fn count(root: &Path, prices: &Prices) -> Figures {
    let scan = scan::scan(root);
    let mut figures = Figures::new();
    count_messages(&scan, prices, &mut figures);
    count_calls(&scan, &mut figures);
    let sessions = scan.messages.values().map(|message| &message.at.session);
    let sessions: BTreeSet<_> = sessions.chain(scan.prompts.values().map(|(_, session)| session)).collect();
    figures.insert("sessions".into(), Some(sessions.len() as i128));
    figures.insert("prompts".into(), Some(scan.prompts.len() as i128));
    figures.insert("api_errors".into(), Some(scan.api_errors.len() as i128));
    for word in ["transcripts", "bytes", "lines", "parsed", "salvaged", "blank", "malformed", "unfinished"] {
        figures.insert(format!("accounting.{word}"), Some(*scan.account.get(word).unwrap_or(&0)));
    }
    figures
}

fn count_messages(scan: &Scan, prices: &Prices, figures: &mut Figures) {
    let (mut total, mut models, mut projects) = (Sums::default(), HashMap::new(), HashMap::new());
    for message in scan.messages.values() {
        let cost = prices.cost(&message.model, scan::day(message).as_deref(), &message.usage);
        total.add(message, cost);
        models.entry(&message.model).or_insert_with(Sums::default).add(message, cost);
        projects.entry(&message.at.project).or_insert_with(Sums::default).add(message, cost);
    }
    total.put(figures, "");
    figures.insert("tokens.total".into(), Some(total.tokens.iter().sum()));
    figures.insert("unpriced_messages".into(), Some(total.unpriced));
    let not_final = scan.messages.values().filter(|message| !message.is_final).count();
    figures.insert("not_final_messages".into(), Some(not_final as i128));
    figures.insert("projects".into(), Some(projects.len() as i128));
    for (model, sums) in models {
        sums.put(figures, &format!("model[{model}]."));
        if sums.unpriced > 0 {
            figures.insert(format!("unpriced[{model}]"), Some(1));
        }
    }
    for (project, sums) in projects {
        sums.put(figures, &format!("project[{project}]."));
    }
}

fn count_calls(scan: &Scan, figures: &mut Figures) {
    let (mut added, mut removed) = (0, 0);
    let mut bump = |name: String, by: i128| *figures.entry(name).or_insert(Some(0)).as_mut().unwrap() += by;
    for (key, call) in &scan.calls {
        let result = scan.results.get(key);
        let verdict = outcome(call, result);
        for word in OUTCOMES {
            bump(format!("tools[{}].{word}", call.tool), i128::from(word == verdict));
        }
        bump(format!("tools[{}].count", call.tool), 1);
        bump(format!("project[{}].calls", call.at.project), 1);
        let path = call.input.at("file_path").text().or(call.input.at("notebook_path").str());
        if EDITORS.contains(&call.tool.as_str()) && verdict == "ok" && path.is_some() {
            let (plus, minus) = result.map_or((0, 0), |result| lines_changed(call, result));
            (added, removed) = (added + plus, removed + minus);
        }
    }
    bump("calls".into(), scan.calls.len() as i128);
    bump("lines_added".into(), added);
    bump("lines_removed".into(), removed);
}
