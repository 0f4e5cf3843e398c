//! What a message costs, in whole 10^-18 dollars.
//!
//! A price per million tokens has at most six decimals and a factor at most
//! six, so the product is a whole number: nothing is ever rounded.

use super::json::{self, Json};
use super::scan::Usage;

/// Units of [`Prices::cost`] in one picodollar.
pub(crate) const UNITS_PER_PICODOLLAR: i128 = 1_000_000;

const RATES: [&str; 5] = ["input", "output", "cache_write_5m", "cache_write_1h", "cache_read"];

pub(crate) struct Prices {
    models: Vec<Json>,
}

impl Prices {
    pub(crate) fn load(path: &std::path::Path) -> Prices {
        let file = json::parse(&std::fs::read_to_string(path).unwrap()).unwrap();
        Prices { models: file.at("models").list().to_vec() }
    }

    /// The entry of the longest known id that stands in the name.
    fn find(&self, model: &str) -> Option<&Json> {
        let name = plain(model);
        let mut best: Option<(usize, &Json)> = None;
        for entry in &self.models {
            for known in std::iter::once(entry.at("id")).chain(entry.at("ids_seen").list()) {
                let known = known.str().unwrap().to_lowercase();
                if stands_in(&known, &name) && best.is_none_or(|(len, _)| known.len() > len) {
                    best = Some((known.len(), entry));
                }
            }
        }
        best.map(|(_, entry)| entry)
    }

    /// `None` when the model is not known. `day` is `2026-11-03`; none means the newest price.
    pub(crate) fn cost(&self, model: &str, day: Option<&str>, usage: &Usage) -> Option<i128> {
        let entry = self.find(model)?;
        let day = day.unwrap_or("9999-12-31");
        let live = |window: &&Json| holds(window, day);
        let windows = entry.at("rates_usd_per_mtok").list();
        let mut rates = windows.iter().find(live).or(windows.last()).unwrap();
        for tier in entry.at("long_context").list().iter().filter(live) {
            if usage.prompt() > millionths(tier.at("prompt_tokens_over")) / 1_000_000 {
                rates = tier.at("rates");
            }
        }
        let tokens = usage.tokens.iter().zip(RATES);
        let mut cost: i128 = tokens.map(|(n, kind)| i128::from(*n) * millionths(rates.at(kind))).sum();
        cost *= UNITS_PER_PICODOLLAR;
        if usage.fast {
            let factor = entry.at("fast_mode").list().iter().find(live);
            cost = times(cost, factor.map_or(1_000_000, |mode| millionths(mode.at("multiplier"))));
        }
        let geography = entry.at("inference_geo_us_multiplier");
        if usage.in_us && *geography != Json::Null {
            cost = times(cost, millionths(geography));
        }
        let search = Some(millionths(entry.at("web_search_usd_per_1000"))).filter(|price| *price > 0);
        // A millionth of a dollar per thousand is 10^-9 dollars, 1,000 picodollars.
        let search = search.unwrap_or(10_000_000) * 1_000 * UNITS_PER_PICODOLLAR;
        Some(cost + i128::from(usage.web_searches) * search)
    }
}

fn times(cost: i128, factor: i128) -> i128 {
    assert_eq!(cost * factor % 1_000_000, 0, "prices multiply without a rest");
    cost * factor / 1_000_000
}

/// A decimal number as written, times a million; `null` is 0.
fn millionths(number: &Json) -> i128 {
    let Json::Number(text) = number else { return 0 };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    assert!(fraction.len() <= 6 && !text.contains(['e', 'E', '-']), "{text} has no more than six decimals");
    format!("{whole}{fraction:0<6}").parse().unwrap()
}

fn holds(window: &Json, day: &str) -> bool {
    window.at("from").str().is_none_or(|from| from <= day) && window.at("to").str().is_none_or(|to| day <= to)
}

/// The name in the spelling of the price list.
fn plain(model: &str) -> String {
    let model = match model.strip_suffix(']') {
        Some(head) => match head[head.rfind(']').map_or(0, |at| at + 1)..].find('[') {
            Some(at) => &model[..head.rfind(']').map_or(0, |at| at + 1) + at],
            None => model,
        },
        None => model,
    };
    model.to_lowercase().replace(['_', '.', '@'], "-")
}

/// Whether `known` is in `name` as whole words, and no version number follows.
fn stands_in(known: &str, name: &str) -> bool {
    let is_word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let bytes = name.as_bytes();
    (0..bytes.len()).filter(|at| bytes[*at..].starts_with(known.as_bytes())).any(|at| {
        let after = &bytes[at + known.len()..];
        let starts_a_word = at == 0 || !is_word(bytes.get(at - 1));
        starts_a_word && !is_word(after.first()) && !is_version(after)
    })
}

/// `-1` … `-99` as a whole word.
fn is_version(after: &[u8]) -> bool {
    let [b'-', rest @ ..] = after else {
        return false;
    };
    let word = rest.iter().take_while(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()).count();
    (1..=2).contains(&word) && rest[0] != b'0' && rest[..word].iter().all(u8::is_ascii_digit)
}
