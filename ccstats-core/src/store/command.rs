//! What is kept of a command instead of its text.

use crate::effects::{Effects, FindingRow, ReadRow};
use crate::rows::StoredCommand;
use crate::shell;
use crate::symbols::Symbols;
use crate::writes::Writes;

/// What reports need of a command.
pub(super) fn derive(command: &str, symbols: &mut Symbols, effects: &mut Effects) -> StoredCommand {
    let script = shell::parse(command);
    let reads = script.files_read().into_iter().map(|read| (read.path, read.lines));
    let reads: Vec<_> = reads.map(|(path, lines)| ReadRow { path: symbols.intern(path.as_bytes()), lines }).collect();
    let writes = Writes::of(&script.writes());
    let findings = script.audit().into_iter();
    let findings: Vec<_> = findings
        .map(|found| FindingRow { rule: found.rule, severity: found.severity, target: symbols.intern(found.brief().as_bytes()) })
        .collect();
    let found = script.failing_key();
    let hidden = script.hidden_status();
    StoredCommand {
        effects: Some(effects.push(reads.into_iter(), &writes, findings.into_iter())),
        is_soft: shell::has_soft_exit(command),
        key: symbols.intern(found.key.as_bytes()),
        is_chain: found.is_chain,
        is_after_cd: found.is_after_cd,
        is_parsed: script.is_parsed,
        is_test: script.runs_tests(),
        hidden_by: hidden.as_ref().map(|hidden| hidden.by),
        hidden_key: symbols.intern(hidden.map(|hidden| hidden.key).unwrap_or_default().as_bytes()),
    }
}
