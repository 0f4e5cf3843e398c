//! Turns the syntax tree of tree-sitter-bash into the flat list of commands.
//!
//! The grammar binds a redirection, and sometimes a pipe, to more than bash
//! does (`cd x && a > f` becomes `(cd x && a) > f`). In the flat list this does
//! no harm: neighbours stay neighbours, and a redirection goes to the last
//! command before it unless a real group stands there.
//!
//! tree-sitter keeps its stacks on the heap; the walk here is bounded by
//! [`MAX_DEPTH`]. Gives nothing where the grammar does not understand the text.

use std::cell::RefCell;
use std::ops::ControlFlow;

use tree_sitter::{Node, ParseOptions, ParseState, Parser, Tree};

use super::{Assignment, At, Command, Direction, MAX_DEPTH, Redirection, Role, Separator, Word, word};

/// Longest text that the grammar is asked about: for a few constructs it takes
/// the square of the length, 0.2 s at worst for this much.
const MAX_BYTES: usize = 8 * 1024;

/// Steps of the parser, in hundreds, before a text is given up; a command of
/// 1000 words needs about 200.
const MAX_STEPS: usize = 2_000;

/// Heredocs before a text is given up: the scanner looks through all that are open at every step.
const MAX_HEREDOCS: usize = 64;

/// All commands of `text`, or nothing if any part of it is not understood.
pub(super) fn commands(text: &str) -> Option<Vec<Command>> {
    if text.len() > MAX_BYTES || text.matches("<<").count() > MAX_HEREDOCS {
        return None;
    }
    let tree = syntax_tree(text)?;
    if tree.root_node().has_error() {
        return None;
    }
    let mut walk = Walk { text, commands: Vec::new(), nested: 0, gave_up: false };
    walk.block(tree.root_node(), At::START);
    (!walk.gave_up).then_some(walk.commands)
}

thread_local! {
    /// Making a parser costs more than parsing one command.
    static PARSER: RefCell<Option<Parser>> = RefCell::new(bash_parser());
}

fn bash_parser() -> Option<Parser> {
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_bash::LANGUAGE.into()).ok()?;
    Some(parser)
}

fn syntax_tree(text: &str) -> Option<Tree> {
    let mut steps = 0;
    let mut budget = |state: &ParseState| {
        steps += 1;
        // A tree with an error is of no use here, and going on after one is what takes long.
        if state.has_error() || steps > MAX_STEPS { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let mut read = |at: usize, _| text.as_bytes().get(at..).unwrap_or_default();
    let options = ParseOptions::new().progress_callback(&mut budget);
    PARSER.with_borrow_mut(|parser| {
        let parser = parser.as_mut()?;
        let tree = parser.parse_with_options(&mut read, None, Some(options));
        // A parse that was given up would otherwise go on with the next text.
        parser.reset();
        tree
    })
}

struct Walk<'t> {
    text: &'t str,
    commands: Vec<Command>,
    nested: u16,
    gave_up: bool,
}

impl<'t> Walk<'t> {
    fn slice(&self, node: Node) -> &'t str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

    /// One statement of any kind, no deeper than [`MAX_DEPTH`].
    fn statement(&mut self, node: Node, at: At) {
        if self.nested >= MAX_DEPTH {
            self.gave_up = true;
            return;
        }
        self.nested += 1;
        self.statement_of_kind(node, at);
        self.nested -= 1;
    }

    fn statement_of_kind(&mut self, node: Node, at: At) {
        match node.kind() {
            "list" | "pipeline" => self.chain(node, at),
            "redirected_statement" => self.redirected(node, at),
            "command" => self.command(node, at),
            "variable_assignment" | "variable_assignments" => self.assignments(node, at),
            "test_command" => self.test(node, at),
            "declaration_command" | "unset_command" => self.declaration(node, at),
            "negated_command" | "do_group" => self.block(node, at),
            "subshell" | "compound_statement" => self.block(node, at.inside()),
            "if_statement" => self.branches(node, at),
            "while_statement" => self.branches(node, at),
            "for_statement" | "c_style_for_statement" => self.for_loop(node, at),
            "case_statement" => self.case(node, at),
            "function_definition" => self.block(node, at.inside().playing(Role::Function)),
            _ => self.substitutions(node, at),
        }
    }

    /// `a && b || c` and `a | b`. Trees of these lean to the left and can be as
    /// deep as the text is long, so they are unfolded on a stack of our own.
    fn chain(&mut self, node: Node, mut at: At) {
        let mut waiting = vec![node];
        while let Some(node) = waiting.pop() {
            match node.kind() {
                "list" | "pipeline" => waiting.extend(children(node).into_iter().rev()),
                "&&" => at = at.after(Separator::And),
                "||" => at = at.after(Separator::Or),
                "|" | "|&" => at = at.after(Separator::Pipe),
                _ => self.statement(node, at),
            }
        }
    }

    /// The statements of a program, group, loop body or substitution.
    fn block(&mut self, node: Node, at: At) {
        self.statements(&children(node), at);
    }

    fn statements(&mut self, nodes: &[Node], mut at: At) {
        let mut start = self.commands.len();
        for &node in nodes {
            match node.kind() {
                "&" => {
                    self.commands[start..].iter_mut().for_each(|command| command.is_background = true);
                    at = at.after(Separator::Background);
                }
                ";" | "\n" | ";;" => at = if self.commands.is_empty() { at } else { at.after(Separator::Sequence) },
                _ if node.is_named() => {
                    start = self.commands.len();
                    self.statement(node, at);
                    if self.commands.len() > start {
                        at = at.after(Separator::Sequence);
                    }
                }
                _ => {}
            }
        }
    }

    /// `if` and `while`: conditions up to `then` or `do`, then bodies.
    fn branches(&mut self, node: Node, at: At) {
        let nodes = children(node);
        let split = nodes.iter().position(|node| matches!(node.kind(), "then" | "do_group"));
        let (conditions, bodies) = nodes.split_at(split.unwrap_or(nodes.len()));
        self.statements(conditions, at.inside().playing(Role::Condition));
        let body = At { role: at.role, ..at.inside().after(Separator::Sequence) };
        let (otherwise, body_nodes): (Vec<Node>, Vec<Node>) =
            bodies.iter().partition(|node| matches!(node.kind(), "elif_clause" | "else_clause"));
        self.statements(&body_nodes, body);
        for clause in otherwise {
            self.clause(clause, At { joined: Separator::Else, ..body });
        }
    }

    /// `elif …; then …` and `else …`, on the level of the branches before.
    fn clause(&mut self, node: Node, at: At) {
        let nodes = children(node);
        match nodes.iter().position(|node| node.kind() == "then") {
            None => self.statements(&nodes, at),
            Some(split) => {
                self.statements(&nodes[..split], at.playing(Role::Condition));
                self.statements(&nodes[split..], at.after(Separator::Sequence));
            }
        }
    }

    fn for_loop(&mut self, node: Node, at: At) {
        for child in children(node) {
            match child.kind() {
                "do_group" | "compound_statement" => self.block(child, at.inside()),
                _ => self.substitutions(child, at),
            }
        }
    }

    fn case(&mut self, node: Node, at: At) {
        let mut at = at.inside();
        for item in children(node) {
            if item.kind() != "case_item" {
                self.substitutions(item, at);
                continue;
            }
            let values = item.children_by_field_name("value", &mut item.walk()).last();
            let body: Vec<_> =
                children(item).into_iter().filter(|child| values.is_none_or(|value| child.start_byte() >= value.end_byte())).collect();
            let before = self.commands.len();
            self.statements(&body, at);
            if self.commands.len() > before {
                at = at.after(Separator::Else);
            }
        }
    }

    fn redirected(&mut self, node: Node, at: At) {
        let start = self.commands.len();
        let mut group = false;
        let mut redirects = Vec::new();
        for child in children(node) {
            match child.kind() {
                "file_redirect" | "heredoc_redirect" | "herestring_redirect" => redirects.push(child),
                _ => {
                    group = is_group(child.kind());
                    self.statement(child, at);
                }
            }
        }
        if self.commands.len() == start {
            self.commands.push(Command::at(at));
        }
        let targets = if group { start..self.commands.len() } else { self.last_own(start, at) };
        for redirect in redirects {
            self.redirect(redirect, targets.clone(), at);
        }
    }

    /// The last command since `start` that is no substitution of another one.
    fn last_own(&self, start: usize, at: At) -> std::ops::Range<usize> {
        let own = |command: &Command| command.depth == at.depth;
        let last = self.commands[start..].iter().rposition(own).map_or(start, |offset| start + offset);
        last..last + 1
    }

    /// Adds one redirection to the commands of `targets`.
    fn redirect(&mut self, node: Node, targets: std::ops::Range<usize>, at: At) {
        match node.kind() {
            "file_redirect" => {
                if let Some(redirection) = self.file(node) {
                    self.add(&redirection, targets.clone());
                }
                // In `a > f b` the grammar takes `b` for a second file.
                let mut cursor = node.walk();
                let more = node.children_by_field_name("destination", &mut cursor).skip(1);
                let words: Vec<Word> = more.map(|word| word::unquote(self.slice(word))).collect();
                self.commands[targets].iter_mut().for_each(|command| command.words.extend_from_slice(&words));
            }
            "herestring_redirect" => {
                if let Some(text) = children(node).pop() {
                    let target = word::unquote(self.slice(text));
                    self.add(&Redirection { direction: Direction::Here, descriptor: None, target }, targets);
                }
            }
            _ => return self.heredoc(node, targets, at),
        }
        self.substitutions(node, at);
    }

    fn add(&mut self, redirection: &Redirection, targets: std::ops::Range<usize>) {
        for command in &mut self.commands[targets] {
            command.redirections.push(redirection.clone());
        }
    }

    /// `> file`; nothing for `2>&1` and `>&-`.
    fn file(&self, node: Node) -> Option<Redirection> {
        let descriptor = node.child_by_field_name("descriptor").and_then(|node| self.slice(node).parse().ok());
        let target = word::unquote(self.slice(node.child_by_field_name("destination")?));
        let operator = children(node).into_iter().find(|child| !child.is_named())?;
        let direction = direction(operator.kind(), &target.text)?;
        Some(Redirection { direction, descriptor, target })
    }

    /// A heredoc, and what the line goes on with: `cat <<E > f | wc && echo`.
    fn heredoc(&mut self, node: Node, targets: std::ops::Range<usize>, at: At) {
        let is_quoted = node.child(1).is_some_and(|start| self.slice(start).contains(['\'', '"', '\\']));
        let mut next = at.after(Separator::Pipe);
        for child in children(node) {
            match child.kind() {
                "heredoc_body" => {
                    let target = Word { text: self.slice(child).to_owned(), is_literal: is_quoted };
                    self.add(&Redirection { direction: Direction::Here, descriptor: None, target }, targets.clone());
                    self.substitutions(child, at);
                }
                "file_redirect" | "herestring_redirect" | "heredoc_redirect" => {
                    self.redirect(child, targets.clone(), at);
                }
                "&&" => next = at.after(Separator::And),
                "||" => next = at.after(Separator::Or),
                "pipeline" => self.chain(child, next),
                "heredoc_start" | "heredoc_end" | "file_descriptor" => {}
                _ if !child.is_named() => {}
                kind if is_word(kind) => {
                    let argument = word::unquote(self.slice(child));
                    self.commands[targets.clone()].iter_mut().for_each(|command| command.words.push(argument.clone()));
                    self.substitutions(child, at);
                }
                _ => self.statement(child, next),
            }
        }
    }

    fn command(&mut self, node: Node, at: At) {
        let mut command = Command::at(at);
        let mut redirects = Vec::new();
        let mut groups = Vec::new();
        let mut cursor = node.walk();
        for child in node.children(&mut cursor) {
            match child.kind() {
                "variable_assignment" => command.assignments.extend(self.assignment(child)),
                "file_redirect" | "herestring_redirect" => redirects.push(child),
                // `time (a; b)`
                "subshell" => groups.push(child),
                _ => command.words.push(word::unquote(self.slice(child))),
            }
        }
        let index = self.commands.len();
        self.commands.push(command);
        self.substitutions_of_children(node, at);
        for redirect in redirects {
            self.redirect(redirect, index..index + 1, at);
        }
        for group in groups {
            self.statement(group, at.after(Separator::Sequence));
        }
    }

    fn assignments(&mut self, node: Node, at: At) {
        let mut command = Command::at(at);
        let nodes = if node.kind() == "variable_assignment" { vec![node] } else { children(node) };
        command.assignments.extend(nodes.into_iter().filter_map(|node| self.assignment(node)));
        self.commands.push(command);
        self.substitutions(node, at);
    }

    fn assignment(&self, node: Node) -> Option<Assignment> {
        let name = self.slice(node.child_by_field_name("name")?).to_owned();
        let value = node.child_by_field_name("value").map_or("", |value| self.slice(value));
        Some(Assignment { name, value: word::unquote(value) })
    }

    /// `export A=b`: the program with all that follows as words.
    fn declaration(&mut self, node: Node, at: At) {
        let words = children(node).into_iter().map(|child| word::unquote(self.slice(child))).collect();
        self.commands.push(Command { words, ..Command::at(at) });
        self.substitutions(node, at);
    }

    /// `[ … ]` and `[[ … ]]`: split at blanks, for their operators are no words of the grammar.
    fn test(&mut self, node: Node, at: At) {
        let words = super::lex::words(self.slice(node));
        self.commands.push(Command { words, ..Command::at(at) });
        self.substitutions(node, at);
    }

    fn substitutions_of_children(&mut self, node: Node, at: At) {
        let mut cursor = node.walk();
        for child in node.children(&mut cursor) {
            // Most words are plain; only others can hold a substitution.
            if child.child_count() > 0 && child.kind() != "subshell" && !child.kind().ends_with("redirect") {
                self.substitutions(child, at);
            }
        }
    }

    /// The commands of all substitutions inside `node`, which is no statement.
    fn substitutions(&mut self, node: Node, at: At) {
        let mut waiting = vec![node];
        while let Some(node) = waiting.pop() {
            if !matches!(node.kind(), "command_substitution" | "process_substitution") {
                waiting.extend(children(node).into_iter().filter(|child| child.child_count() > 0).rev());
                continue;
            }
            if self.nested >= MAX_DEPTH {
                self.gave_up = true;
                return;
            }
            self.nested += 1;
            let inside = At { joined: Separator::Start, role: Role::Substitution, ..at.inside() };
            self.block(node, inside);
            self.nested -= 1;
        }
    }
}

fn children<'n>(node: Node<'n>) -> Vec<Node<'n>> {
    node.children(&mut node.walk()).collect()
}

fn is_group(kind: &str) -> bool {
    matches!(
        kind,
        "subshell"
            | "compound_statement"
            | "if_statement"
            | "while_statement"
            | "for_statement"
            | "c_style_for_statement"
            | "case_statement"
    )
}

fn is_word(kind: &str) -> bool {
    matches!(
        kind,
        "word"
            | "string"
            | "raw_string"
            | "ansi_c_string"
            | "concatenation"
            | "number"
            | "simple_expansion"
            | "expansion"
            | "command_substitution"
    )
}

/// The direction of a redirection operator; nothing where descriptors are joined.
pub(super) fn direction(operator: &str, target: &str) -> Option<Direction> {
    let is_descriptor = target == "-" || target.bytes().all(|byte| byte.is_ascii_digit());
    match operator {
        ">&" | "<&" if is_descriptor => None,
        ">&-" | "<&-" => None,
        ">>" | "&>>" => Some(Direction::Append),
        "<" | "<&" => Some(Direction::Read),
        _ => Some(Direction::Write),
    }
}

#[cfg(test)]
mod tests {
    use super::super::lex::{self, Quality};
    use super::*;

    /// What the lexer calls exact, the grammar must see in the same way.
    #[test]
    fn the_lexer_and_the_grammar_agree() {
        for text in [
            "ls -la",
            "cd x && A=1 b 'c d' \"e $f\" | g 2>&1 > h; i || j &",
            "a $(b \"$(c | d)\" && e) `f`",
            "git commit -m \"$(cat <<'E'\nit's; (a\nE\n)\" && git push",
            "cat <<'E' > f && g\n$(x); y\nE\nh",
            "a > b c 2>/dev/null d",
            "# note\n\na \\\n  b\n",
            "! a && export X=\"$(b)\"",
            "cat <(a) <<< \"$(b)\"",
            "sleep 5 & wait",
        ] {
            let (lexed, quality) = lex::commands(text);
            assert!(quality == Quality::Exact, "{text:?}");
            assert_eq!(Some(lexed), commands(text), "{text:?}");
        }
    }

    #[test]
    fn groups_and_loops_need_the_grammar() {
        for text in
            ["(a)", "{ a; }", "if a; then b; fi", "for x in y; do a; done", "[[ a ]]", "f() { a; }", "a=(b)", "case a in b) c;; esac"]
        {
            assert!(lex::commands(text).1 == Quality::Coarse, "{text:?}");
            assert!(commands(text).is_some(), "{text:?}");
        }
    }
}
