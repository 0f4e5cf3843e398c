//! What is kept of a command instead of its text.

use crate::rows::StoredCommand;
use crate::shell;
use crate::symbols::Symbols;

/// What figures need of a command that the Bash tool ran.
pub(super) fn derive(command: &str, symbols: &mut Symbols) -> StoredCommand {
    let script = shell::parse(command);
    let found = shell::failing_key(&script);
    let hidden = shell::hidden_status(&script);
    StoredCommand {
        is_soft: shell::soft_exit(command),
        key: symbols.intern(found.key.as_bytes()),
        is_chain: found.chain,
        is_parsed: found.parsed,
        is_test: shell::is_test_runner(&script),
        hidden_by: hidden.as_ref().map(|hidden| hidden.by),
        hidden_key: symbols.intern(hidden.map(|hidden| hidden.key).unwrap_or_default().as_bytes()),
    }
}
