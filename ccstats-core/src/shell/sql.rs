//! Recognises SQL that destroys, in texts handed to a database client.

/// Programs that run the SQL they are given.
const CLIENTS: &[&str] = &[
    "psql",
    "mysql",
    "mariadb",
    "sqlite3",
    "sqlcmd",
    "clickhouse-client",
    "clickhouse",
    "duckdb",
    "cockroach",
    "pgcli",
    "mycli",
    "litecli",
    "cqlsh",
    "usql",
    "snowsql",
    "bq",
];

/// Whether `name` is a database client.
pub(super) fn is_client(name: &str) -> bool {
    CLIENTS.contains(&name)
}

/// The first statement of `text` that destroys: DROP, TRUNCATE, or DELETE without WHERE.
pub(super) fn destructive_statement(text: &str) -> Option<String> {
    let plain = without_quoted(text);
    plain.split(';').find(|statement| destroys(statement)).map(|statement| statement.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn destroys(statement: &str) -> bool {
    let mut words = statement.split(|character: char| character.is_whitespace() || character == '(').filter(|word| !word.is_empty());
    let first = words.next().unwrap_or_default().to_ascii_uppercase();
    let second = words.next().unwrap_or_default().to_ascii_uppercase();
    match first.as_str() {
        "DROP" => matches!(
            second.as_str(),
            "TABLE"
                | "DATABASE"
                | "SCHEMA"
                | "VIEW"
                | "INDEX"
                | "MATERIALIZED"
                | "SEQUENCE"
                | "TYPE"
                | "ROLE"
                | "USER"
                | "FUNCTION"
                | "TRIGGER"
                | "EXTENSION"
                | "OWNED"
                | "COLUMN"
        ),
        "TRUNCATE" => !second.is_empty(),
        "DELETE" => second == "FROM" && !words.any(|word| word.eq_ignore_ascii_case("WHERE")),
        _ => false,
    }
}

/// The text with strings and comments blanked, so that `;` and words inside do not count.
fn without_quoted(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\'' => {
                characters.by_ref().find(|character| *character == '\'');
                plain.push_str("''");
            }
            '-' if characters.peek() == Some(&'-') => {
                characters.by_ref().find(|character| *character == '\n');
                plain.push('\n');
            }
            '/' if characters.peek() == Some(&'*') => {
                skip_comment(&mut characters);
                plain.push(' ');
            }
            _ => plain.push(character),
        }
    }
    plain
}

fn skip_comment(characters: &mut impl Iterator<Item = char>) {
    let mut before = ' ';
    for character in characters {
        if before == '*' && character == '/' {
            return;
        }
        before = character;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destructive_statements_are_found() {
        for text in [
            "DROP TABLE x",
            "select 1; drop table if exists x;",
            "TRUNCATE x",
            "truncate table x",
            "DELETE FROM x",
            "delete from x; select 1 where 1",
            "-- note\nDROP SCHEMA a CASCADE",
            "/* a */ DROP DATABASE x",
        ] {
            assert!(destructive_statement(text).is_some(), "{text}");
        }
    }

    #[test]
    fn what_destroys_nothing_is_not_found() {
        for text in [
            "",
            "DELETE FROM x WHERE a = 1",
            "select 'a; DROP TABLE x'",
            "-- DROP TABLE x",
            "SELECT dropped FROM x",
            "\\d drop",
            "ALTER TABLE x ADD y",
            "/* DROP TABLE x */ select 1",
            "drop",
        ] {
            assert_eq!(destructive_statement(text), None, "{text}");
        }
    }
}
