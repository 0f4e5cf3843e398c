//! Finds the members of a JSON object in its text, and changes one and no byte beside it.
//!
//! Reading and writing the whole would keep the values, and lose how somebody laid
//! them out. The text must be valid JSON of an object; its owner has parsed it.

use std::ops::Range;

use serde::Serialize as _;
use serde_json::Value;
use serde_json::ser::{PrettyFormatter, Serializer};

/// One member: where its key starts, and where its value is.
pub(crate) struct Member {
    /// Empty where it is no Unicode.
    pub(crate) name: String,
    start: usize,
    pub(crate) value: Range<usize>,
}

/// The text with the member set to a value, or without it. Of two with one name the last one
/// counts: it is set; without it neither may stay, or the other would count.
pub(crate) fn with_member(text: &str, name: &str, value: Option<&Value>) -> String {
    let members = members(text);
    let at = members.iter().rposition(|member| member.name == name);
    let layout = Layout::of(text, members.first());
    match (at, value) {
        (None, None) => text.into(),
        (Some(at), Some(value)) => spliced(text, members[at].value.clone(), &layout.value(value)),
        (None, Some(value)) => {
            let member = format!("{}{}{}", layout.before, layout.name(name), layout.value(value));
            match members.last() {
                Some(last) => spliced(text, last.value.end..last.value.end, &format!(",{member}")),
                None => spliced(text, inside(text), &format!("{member}{}", layout.newline)),
            }
        }
        (Some(at), None) => {
            let removed = match (members.get(at + 1), at.checked_sub(1)) {
                (Some(next), _) => members[at].start..next.start,
                (None, Some(before)) => members[before].value.end..members[at].value.end,
                (None, None) => inside(text),
            };
            with_member(&spliced(text, removed, ""), name, None)
        }
    }
}

fn spliced(text: &str, range: Range<usize>, new: &str) -> String {
    [&text[..range.start], new, &text[range.end..]].concat()
}

/// What stands between the braces of the object.
fn inside(text: &str) -> Range<usize> {
    text.find('{').map_or(0, |open| open + 1)..text.rfind('}').unwrap_or(text.len())
}

/// How an object is laid out, by its first member.
struct Layout<'t> {
    newline: &'t str,
    indent: &'t str,
    /// What stands before a name.
    before: String,
}

impl<'t> Layout<'t> {
    fn of(text: &'t str, first: Option<&Member>) -> Layout<'t> {
        let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let Some(first) = first else { return Layout { newline, indent: "  ", before: format!("{newline}  ") } };
        let before = &text[inside(text).start..first.start];
        match before.rsplit_once('\n') {
            Some((_, indent)) => Layout { newline, indent, before: format!("{newline}{indent}") },
            None => Layout { newline: "", indent: "", before: before.into() },
        }
    }

    fn name(&self, name: &str) -> String {
        let space = if self.newline.is_empty() && self.before.is_empty() { "" } else { " " };
        format!("{}:{space}", Value::from(name))
    }

    fn value(&self, value: &Value) -> String {
        if self.newline.is_empty() {
            return value.to_string();
        }
        let mut bytes = Vec::new();
        let mut serializer = Serializer::with_formatter(&mut bytes, PrettyFormatter::with_indent(self.indent.as_bytes()));
        value.serialize(&mut serializer).expect("memory takes all that is written, and keys are texts");
        String::from_utf8(bytes).expect("JSON is UTF-8").replace('\n', &self.before)
    }
}

/// The members of the object, in their order.
pub(crate) fn members(text: &str) -> Vec<Member> {
    let mut members = Vec::new();
    let mut at = inside(text).start;
    loop {
        at += text[at..].find(|c: char| !c.is_ascii_whitespace() && c != ',').unwrap_or(text.len() - at);
        if !text[at..].starts_with('"') {
            return members;
        }
        let (start, end) = (at, value_end(text, at));
        let value = end + text[end..].find(|c: char| !c.is_ascii_whitespace() && c != ':').unwrap_or(text.len() - end);
        at = value_end(text, value);
        let name = serde_json::from_str(&text[start..end]).unwrap_or_default();
        members.push(Member { name, start, value: value..at });
    }
}

/// Where the value that starts here ends.
fn value_end(text: &str, start: usize) -> usize {
    match text.as_bytes().get(start) {
        Some(b'"') => string_end(text, start),
        Some(b'{' | b'[') => container_end(text, start),
        _ => scalar_end(text, start),
    }
}

/// Behind the quote that closes a string.
fn string_end(text: &str, start: usize) -> usize {
    let mut bytes = text.bytes().enumerate().skip(start + 1);
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Behind the bracket that closes an object or a list.
fn container_end(text: &str, start: usize) -> usize {
    let (mut at, mut depth) = (start, 0_usize);
    while let Some(byte) = text.as_bytes().get(at) {
        match byte {
            b'"' => {
                at = string_end(text, at);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 1 => return at + 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// Before what can follow a number or a word.
fn scalar_end(text: &str, start: usize) -> usize {
    let follows = |c: char| c.is_ascii_whitespace() || matches!(c, ',' | '}' | ']');
    text[start..].find(follows).map_or(text.len(), |length| start + length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn set(text: &str) -> String {
        with_member(text, "hooks", Some(&json!({"Stop": [1]})))
    }

    #[test]
    fn a_new_member_comes_last_in_the_layout_of_the_others() {
        assert_eq!(
            set("{\n    \"a\": 1\n}\n"),
            "{\n    \"a\": 1,\n    \"hooks\": {\n        \"Stop\": [\n            1\n        ]\n    }\n}\n"
        );
        assert_eq!(
            set("{\t\r\n\t\"a\" : [ ] }"),
            "{\t\r\n\t\"a\" : [ ],\r\n\t\"hooks\": {\r\n\t\t\"Stop\": [\r\n\t\t\t1\r\n\t\t]\r\n\t} }"
        );
        assert_eq!(set(r#"{"a":1}"#), r#"{"a":1,"hooks":{"Stop":[1]}}"#);
        assert_eq!(set("{}"), "{\n  \"hooks\": {\n    \"Stop\": [\n      1\n    ]\n  }\n}");
    }

    #[test]
    fn no_byte_beside_the_member_changes() {
        let text = "{ \"b\":1.0e5 ,\n\n\"hooks\"  :  {\"x\":[\"}\\\"\"]}  , \"z\\u0041\": \"\\\\\" }";
        assert_eq!(with_member(text, "hooks", Some(&json!(1))), text.replace("{\"x\":[\"}\\\"\"]}", "1"));
        assert_eq!(with_member(text, "hooks", None), "{ \"b\":1.0e5 ,\n\n\"z\\u0041\": \"\\\\\" }");
        assert_eq!(with_member(text, "zA", None), "{ \"b\":1.0e5 ,\n\n\"hooks\"  :  {\"x\":[\"}\\\"\"]} }");
        assert_eq!(with_member(text, "missing", None), text);
        assert_eq!(with_member("{\"hooks\": 1}", "hooks", None), "{}");
        let twice = "{\"hooks\": 1, \"a\": 2, \"hooks\": 3, \"b\": 4}";
        assert_eq!(with_member(twice, "hooks", Some(&json!(5))), twice.replace('3', "5"));
        assert_eq!(with_member(twice, "hooks", None), "{\"a\": 2, \"b\": 4}");
        assert_eq!(with_member("{\"hooks\": 1, \"hooks\": 3}", "hooks", None), "{}");
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from)
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            let list = proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from);
            let object =
                proptest::collection::vec((any::<String>(), inner), 0..4).prop_map(|members| Value::Object(members.into_iter().collect()));
            prop_oneof![list, object]
        })
    }

    proptest! {
        #[test]
        fn what_is_set_reads_back_and_goes_without_a_trace(members in proptest::collection::vec((any::<String>(), value()), 1..5), new in value(), pretty in any::<bool>()) {
            let object: serde_json::Map<_, _> = members.into_iter().filter(|(name, _)| name != "hooks").collect();
            prop_assume!(!object.is_empty());
            let text = if pretty { serde_json::to_string_pretty(&object) } else { serde_json::to_string(&object) }.expect("JSON");
            let changed = with_member(&text, "hooks", Some(&new));
            let mut wanted = object.clone();
            wanted.insert("hooks".into(), new);
            prop_assert_eq!(serde_json::from_str::<Value>(&changed).expect("JSON"), Value::Object(wanted));
            prop_assert_eq!(with_member(&changed, "hooks", None), text);
        }
    }
}
