//! Messages, calls, results and prompts of the lines read (docs/counting.md 3 to 5).

use std::collections::{HashMap, hash_map::Entry};

use chrono::{Days, NaiveDate};

use super::files::{self, Account};
use super::json::Json;
use super::outcome::{body_text, is_prompt};

/// File and line; the order of files is the order of their names.
pub(crate) type Place = (String, usize);

/// No time, time in milliseconds, sidechain, progress, place; the smallest line
/// says when and where.
type Order = (bool, i64, bool, bool, Place);

/// What makes two lines the same message, call or result.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Global(String),
    InSession(String, String),
    Line(Place),
    Part(Box<Key>, usize),
}

/// Tokens by kind: input, output, writes for 5 minutes, writes for an hour, reads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Usage {
    pub(crate) tokens: [u64; 5],
    pub(crate) web_searches: u64,
    pub(crate) fast: bool,
    pub(crate) in_us: bool,
    has_split: bool,
}

impl Usage {
    pub(crate) fn prompt(&self) -> i128 {
        self.tokens.iter().map(|n| i128::from(*n)).sum::<i128>() - i128::from(self.tokens[1])
    }

    /// Of several lines of one message the heaviest holds its usage.
    fn weight(&self) -> (u64, bool, u64, u64, u64, u64) {
        let [input, output, write_5m, write_1h, read] = self.tokens;
        (output, self.has_split, write_5m + write_1h, read, input, self.web_searches)
    }
}

/// Where a line belongs.
#[derive(Clone, Debug)]
pub(crate) struct Where {
    pub(crate) session: String,
    pub(crate) project: String,
    is_sidechain: bool,
    place: Place,
}

#[derive(Debug)]
pub(crate) struct Message {
    order: Order,
    source: Order,
    pub(crate) at: Where,
    pub(crate) usage: Usage,
    pub(crate) model: String,
    pub(crate) is_final: bool,
}

#[derive(Debug)]
pub(crate) struct Call {
    order: Order,
    pub(crate) at: Where,
    pub(crate) tool: String,
    pub(crate) input: Json,
}

#[derive(Debug)]
pub(crate) struct Answer {
    order: Order,
    pub(crate) is_error: bool,
    pub(crate) body: String,
    pub(crate) structured: Json,
    pub(crate) denial: Option<String>,
}

#[derive(Debug, Default)]
pub(crate) struct Scan {
    pub(crate) account: Account,
    pub(crate) messages: HashMap<Key, Message>,
    pub(crate) calls: HashMap<Key, Call>,
    pub(crate) results: HashMap<Key, Answer>,
    /// Sessions of the typed prompts, once for each identity.
    pub(crate) prompts: HashMap<Key, (Order, String)>,
    pub(crate) api_errors: std::collections::HashSet<Key>,
}

/// Reads all transcripts below one root.
pub(crate) fn scan(root: &std::path::Path) -> Scan {
    let mut scan = Scan::default();
    for (path, name) in files::transcripts(root) {
        *scan.account.entry("transcripts").or_default() += 1;
        let data = std::fs::read(path).unwrap();
        for (number, entry) in files::entries(&data, &mut scan.account) {
            scan.entry(&entry, (name.clone(), number));
        }
    }
    scan
}

/// The civil day of the earliest line of a message, or `None` when it has no time.
pub(crate) fn day(message: &Message) -> Option<String> {
    let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
    let (_, millis, ..) = message.order;
    let days = millis.div_euclid(86_400_000);
    let distance = Days::new(days.unsigned_abs());
    let day = if days < 0 { epoch - distance } else { epoch + distance };
    (!message.order.0).then(|| day.format("%Y-%m-%d").to_string())
}

impl Scan {
    fn entry(&mut self, entry: &Json, place: Place) {
        let at = Where::of(entry, place);
        match entry.at("type").str() {
            Some("assistant") => self.assistant(entry.at("message"), entry, entry, &at, false),
            Some("user") => self.user(entry, &at),
            Some("progress") => self.progress(entry, &at),
            _ => {}
        }
    }

    fn progress(&mut self, outer: &Json, at: &Where) {
        let data = outer.at("data");
        let inner = data.at("message");
        if data.at("type").str() != Some("agent_progress") || !inner.is_object() {
            return;
        }
        match inner.at("type").str() {
            Some("assistant") => self.assistant(inner.at("message"), outer, inner, at, true),
            Some("user") => {
                let time = inner.get("timestamp").unwrap_or(outer.at("timestamp"));
                self.answers(inner.at("message"), inner, time, at);
            }
            _ => {}
        }
    }

    /// `line` is the line of the file, `own` where its time and uuid stand: itself, or
    /// the line inside a progress.
    fn assistant(&mut self, message: &Json, line: &Json, own: &Json, at: &Where, is_progress: bool) {
        if !message.is_object() {
            return;
        }
        let of = |key| own.get(key).unwrap_or(line.at(key));
        let uuid = of("uuid").text().map_or(Key::Line(at.place.clone()), |uuid| Key::Global(uuid.to_owned()));
        if message.at("model").str() == Some("<synthetic>") {
            self.api_errors.extend(line.at("isApiErrorMessage").is_true().then_some(uuid));
            return;
        }
        let key = message.at("id").text().map_or(uuid, |id| key_of(id, "msg_", at));
        let order = order(of("timestamp"), at, is_progress);
        let is_final = message.at("stop_reason").text().is_some();
        let usage = message.at("usage");
        if usage.is_object() {
            self.message(key.clone(), &order, at, (usage, message.at("model")), is_final);
            for (i, step) in usage.at("iterations").list().iter().enumerate() {
                if step.at("type").str() == Some("advisor_message") {
                    let part = Key::Part(Box::new(key.clone()), i);
                    self.message(part, &order, at, (step, step.at("model")), is_final);
                }
            }
        }
        for (i, block) in message.at("content").list().iter().enumerate() {
            if block.at("type").str() == Some("tool_use") {
                let part = || Key::Part(Box::new(key.clone()), i);
                let call = block.at("id").text().map_or_else(part, |id| key_of(id, "toolu_", at));
                self.call(call, &order, at, block);
            }
        }
    }

    fn message(&mut self, key: Key, order: &Order, at: &Where, (usage, model): (&Json, &Json), is_final: bool) {
        let usage = usage_of(usage);
        let model = model.text().unwrap_or("unknown").to_owned();
        let row = match self.messages.entry(key) {
            Entry::Occupied(row) => row.into_mut(),
            Entry::Vacant(free) => {
                let (order, source) = (order.clone(), order.clone());
                free.insert(Message { order, source, at: at.clone(), usage, model, is_final });
                return;
            }
        };
        row.is_final |= is_final;
        if *order < row.order {
            (row.order, row.at) = (order.clone(), at.clone());
        }
        let (new, old) = (usage.weight(), row.usage.weight());
        if new > old || new == old && *order < row.source {
            (row.source, row.usage, row.model) = (order.clone(), usage, model);
        }
    }

    fn call(&mut self, key: Key, order: &Order, at: &Where, block: &Json) {
        let tool = block.at("name").text().unwrap_or("unknown").to_owned();
        let call = Call { order: order.clone(), at: at.clone(), tool, input: block.at("input").clone() };
        keep_smallest(&mut self.calls, key, call, |call| &call.order);
    }

    fn user(&mut self, entry: &Json, at: &Where) {
        let message = entry.at("message");
        let has_results = self.answers(message, entry, entry.at("timestamp"), at);
        if message.is_object() && !has_results && is_prompt(entry, message) {
            let key = entry.at("uuid").text().map_or(Key::Line(at.place.clone()), |uuid| Key::Global(uuid.to_owned()));
            let (missing, millis, _, _, place) = order(entry.at("timestamp"), at, false);
            let prompt = ((missing, millis, false, false, place), at.session.clone());
            keep_smallest(&mut self.prompts, key, prompt, |prompt| &prompt.0);
        }
    }

    /// Whether there was any result among the blocks.
    fn answers(&mut self, message: &Json, line: &Json, time: &Json, at: &Where) -> bool {
        let blocks = message.at("content").list().iter();
        let results: Vec<_> = blocks.filter(|block| block.at("type").str() == Some("tool_result")).collect();
        for block in &results {
            let Some(id) = block.at("tool_use_id").text() else {
                continue;
            };
            let result = Answer {
                order: order(time, at, false),
                is_error: block.at("is_error").is_true(),
                body: body_text(block.at("content")),
                structured: line.at("toolUseResult").clone(),
                denial: line.at("toolDenialKind").text().map(str::to_owned),
            };
            keep_smallest(&mut self.results, key_of(id, "toolu_", at), result, |result| &result.order);
        }
        !results.is_empty()
    }
}

impl Where {
    fn of(entry: &Json, place: Place) -> Where {
        let (file, _) = &place;
        let stem = file.rsplit('/').next().unwrap().split(".jsonl").next().unwrap();
        let folder = file.split('/').next().unwrap();
        Where {
            session: entry.at("sessionId").text().unwrap_or(stem).to_owned(),
            project: project(entry.at("cwd").text().unwrap_or(folder)),
            is_sidechain: entry.at("isSidechain").is_true(),
            place,
        }
    }
}

/// The folder with a Windows drive letter in upper case.
fn project(folder: &str) -> String {
    match folder.as_bytes() {
        [b'a'..=b'z', b':', ..] => folder[..1].to_uppercase() + &folder[1..],
        _ => folder.to_owned(),
    }
}

/// Ids of Anthropic are unique everywhere, those of gateways only in their session.
fn key_of(id: &str, prefix: &str, at: &Where) -> Key {
    if id.starts_with(prefix) { Key::Global(id.to_owned()) } else { Key::InSession(at.session.clone(), id.to_owned()) }
}

fn order(time: &Json, at: &Where, is_progress: bool) -> Order {
    let time = time.str().and_then(millis);
    (time.is_none(), time.unwrap_or(0), at.is_sidechain, is_progress, at.place.clone())
}

fn keep_smallest<V>(rows: &mut HashMap<Key, V>, key: Key, row: V, order: impl Fn(&V) -> &Order) {
    match rows.entry(key) {
        Entry::Vacant(free) => drop(free.insert(row)),
        Entry::Occupied(mut old) if order(&row) < order(old.get()) => drop(old.insert(row)),
        Entry::Occupied(_) => {}
    }
}

fn usage_of(usage: &Json) -> Usage {
    let split = usage.at("cache_creation");
    let flat = usage.at("cache_creation_input_tokens").count();
    let (write_5m, write_1h) = (split.at("ephemeral_5m_input_tokens").count(), split.at("ephemeral_1h_input_tokens").count());
    let rest = flat.saturating_sub(write_5m + write_1h);
    let (input, output) = (usage.at("input_tokens").count(), usage.at("output_tokens").count());
    Usage {
        tokens: [input, output, write_5m + rest, write_1h, usage.at("cache_read_input_tokens").count()],
        web_searches: usage.at("server_tool_use").at("web_search_requests").count(),
        fast: usage.at("speed").str() == Some("fast"),
        in_us: usage.at("inference_geo").str() == Some("us"),
        has_split: split.is_object(),
    }
}

/// Milliseconds since 1970 of `2026-11-03T10:00:00.000Z`, or with an offset such as `+01:00`.
fn millis(text: &str) -> Option<i64> {
    let number = |part: Option<&str>| part.filter(|part| part.bytes().all(|b| b.is_ascii_digit()))?.parse::<u32>().ok();
    let bytes = text.as_bytes();
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    marks.iter().all(|(at, mark)| bytes.get(*at) == Some(mark)).then_some(())?;
    let part = |start, end| number(text.get(start..end));
    let year = part(0, 4).filter(|year| *year > 0)?;
    let day = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, part(5, 7)?, part(8, 10)?)?;
    let (rest, fraction) = fraction(text.get(19..)?)?;
    let time = day.and_hms_milli_opt(part(11, 13)?, part(14, 16)?, part(17, 19)?, fraction)?;
    let offset = match rest.as_bytes() {
        b"Z" => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let hours = number(rest.get(1..3)).filter(|hours| *hours < 24)?;
            let minutes = number(rest.get(4..6)).filter(|minutes| *minutes < 60)?;
            i64::from(hours * 60 + minutes) * if *sign == b'+' { 60_000 } else { -60_000 }
        }
        _ => return None,
    };
    let years = -62_135_596_800_000..253_402_300_800_000;
    Some(time.and_utc().timestamp_millis() - offset).filter(|millis| years.contains(millis))
}

/// Whole milliseconds of a fraction such as `.123456`, and what follows it.
fn fraction(text: &str) -> Option<(&str, u32)> {
    let Some(digits) = text.strip_prefix('.') else {
        return Some((text, 0));
    };
    let len = digits.bytes().take_while(u8::is_ascii_digit).count();
    let millis = format!("{:0<3.3}", &digits[..len]).parse().ok()?;
    (len > 0).then_some((&digits[len..], millis))
}
