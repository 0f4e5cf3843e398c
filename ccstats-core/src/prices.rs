//! What tokens cost: list prices by model and date.
//!
//! The table is `prices.json`, compiled in, with its source and date. A price
//! is chosen by model, civil UTC day, size of the prompt, speed and geography
//! (`docs/counting.md` 6). Money is whole picodollars: $1 per million tokens is a
//! million picodollars per token, so no sum is ever rounded.

use std::iter::Sum;
use std::ops::{Add, AddAssign, RangeInclusive};
use std::sync::LazyLock;

use chrono::NaiveDate;
use serde::Deserialize;

use crate::error::Error;
use crate::usage::Tokens;

/// Picodollars in a dollar.
pub const PICODOLLARS: u128 = 1_000_000_000_000;

/// What something cost, by kind, in picodollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cost {
    /// Prompt tokens outside the cache.
    pub input: u128,
    /// Tokens the model wrote.
    pub output: u128,
    /// Both kinds of cache writes.
    pub cache_write: u128,
    /// Cache reads.
    pub cache_read: u128,
    /// Web searches.
    pub web_search: u128,
}

impl Cost {
    /// All kinds together.
    pub fn total(&self) -> u128 {
        self.input + self.output + self.cache_write + self.cache_read + self.web_search
    }
}

impl Add for Cost {
    type Output = Cost;

    fn add(self, other: Cost) -> Cost {
        Cost {
            input: self.input + other.input,
            output: self.output + other.output,
            cache_write: self.cache_write + other.cache_write,
            cache_read: self.cache_read + other.cache_read,
            web_search: self.web_search + other.web_search,
        }
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Cost) {
        *self = *self + other;
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Cost>>(costs: I) -> Cost {
        costs.fold(Cost::default(), Add::add)
    }
}

/// A table of prices.
#[derive(Clone, Debug, Hash)]
pub struct Prices {
    models: Vec<Price>,
    as_of: NaiveDate,
}

/// The prices of one model over time.
#[derive(Clone, Debug, Hash)]
pub struct Price {
    names: Vec<String>,
    /// Of [`PriceOverride`]s; they go before those of the list.
    own: Vec<(Days, Rates)>,
    rates: Vec<(Days, Rates)>,
    tiers: Vec<(Days, u64, Rates)>,
    fast: Vec<(Days, u128)>,
    us_thousandths: u128,
    web_search: u128,
}

/// What a model costs somebody who does not pay list prices, in dollars per
/// million tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct PriceOverride {
    /// The model: an id of the table, or any other name.
    pub model: String,
    /// The first day on which the price holds; `None` is open.
    pub from: Option<NaiveDate>,
    /// The last day on which the price holds; `None` is open.
    pub to: Option<NaiveDate>,
    /// Prompt tokens outside the cache.
    pub input: f64,
    /// Tokens the model writes.
    pub output: f64,
    /// Cache writes for five minutes.
    pub cache_write_5m: f64,
    /// Cache writes for one hour.
    pub cache_write_1h: f64,
    /// Cache reads.
    pub cache_read: f64,
}

impl PriceOverride {
    /// What a rate can be: from nothing to a dollar for a token; whoever writes more took
    /// the wrong unit.
    pub const RATES: RangeInclusive<f64> = 0.0..=1e6;

    fn rates(&self) -> [f64; 5] {
        [self.input, self.output, self.cache_write_5m, self.cache_write_1h, self.cache_read]
    }
}

/// Days on which a price holds, both included.
#[derive(Clone, Copy, Debug, Hash, Deserialize)]
struct Days {
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
}

/// Picodollars per token.
#[derive(Clone, Copy, Debug, Default, Hash)]
pub(crate) struct Rates {
    pub(crate) input: u128,
    pub(crate) output: u128,
    pub(crate) cache_write_5m: u128,
    pub(crate) cache_write_1h: u128,
    pub(crate) cache_read: u128,
}

/// How a response was made, as far as it changes its price.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terms {
    /// The civil UTC day; `None` takes the newest price.
    pub day: Option<NaiveDate>,
    /// `speed` is `fast`.
    pub is_fast: bool,
    /// `inference_geo` is `us`.
    pub is_us: bool,
}

impl Prices {
    /// The list prices that are compiled in.
    pub fn builtin() -> &'static Prices {
        static LIST: LazyLock<Prices> =
            LazyLock::new(|| Prices::parse(include_str!("../prices.json")).expect("a test reads the table that is compiled in"));
        &LIST
    }

    fn parse(text: &str) -> Result<Prices, serde_json::Error> {
        let file: File = serde_json::from_str(text)?;
        Ok(Prices { models: file.models.into_iter().map(Price::from).collect(), as_of: file.about.as_of })
    }

    /// Whether some of them are a user's own.
    pub(crate) fn has_overrides(&self) -> bool {
        self.models.iter().any(|price| !price.own.is_empty())
    }

    /// These prices with some of one's own, which go before. A model that the
    /// table has keeps its other names and its factors for speed and geography,
    /// and on days without a price of one's own its list price.
    ///
    /// # Errors
    /// [`Error::Price`] when a rate is not among [`PriceOverride::RATES`].
    pub fn with_overrides(&self, own: &[PriceOverride]) -> Result<Prices, Error> {
        let mut models: Vec<Price> = Vec::new();
        for price in own {
            if !price.rates().iter().all(|rate| PriceOverride::RATES.contains(rate)) {
                return Err(Error::Price(price.model.clone()));
            }
            let name = normalized(&price.model);
            let at = models.iter().position(|known| known.names[0] == name).unwrap_or_else(|| {
                models.push(self.price_named(&name));
                models.len() - 1
            });
            models[at].put_before(price);
        }
        models.extend(self.models.iter().cloned());
        Ok(Prices { models, as_of: self.as_of })
    }

    /// The price of exactly this model, ready to be changed.
    fn price_named(&self, name: &str) -> Price {
        let unlisted = || Price {
            names: vec![],
            own: vec![],
            rates: vec![],
            tiers: vec![],
            fast: vec![],
            us_thousandths: ONE,
            web_search: WEB_SEARCH,
        };
        let known = self.models.iter().find(|price| price.names.iter().any(|known| known == name));
        let mut price = known.cloned().unwrap_or_else(unlisted);
        // The price of one snapshot is not that of the others.
        if price.names.first().is_none_or(|id| id != name) {
            price.names = vec![name.into()];
        }
        price
    }

    /// The day on which the list prices were those of the provider.
    pub fn as_of(&self) -> NaiveDate {
        self.as_of
    }

    /// The price of a model by the name that a transcript gives it, or by the
    /// name that a cloud or a gateway makes of it. `None`: no known price.
    pub fn find(&self, model: &str) -> Option<&Price> {
        let name = normalized(model);
        let known = self.models.iter().flat_map(|price| price.names.iter().map(move |known| (known, price)));
        let fitting = known.filter(|(known, _)| stands_in(&name, known));
        // The first of the longest, as the order of the table says.
        fitting.rev().max_by_key(|(known, _)| known.len()).map(|(_, price)| price)
    }
}

impl Price {
    /// Of several prices of one's own the last one given goes first.
    fn put_before(&mut self, own: &PriceOverride) {
        let [input, output, cache_write_5m, cache_write_1h, cache_read] = own.rates().map(|usd| whole(usd, 1e6));
        let rates = Rates { input, output, cache_write_5m, cache_write_1h, cache_read };
        self.own.insert(0, (Days { from: own.from, to: own.to }, rates));
    }

    fn own_rates(&self, day: NaiveDate) -> Option<Rates> {
        self.own.iter().find(|(days, _)| days.holds(day)).map(|(_, rates)| *rates)
    }

    /// What the tokens of one response cost; `None` on a day without a price. That of a model of
    /// the list holds on every day, one that only [`PriceOverride`]s name has none between them.
    pub fn cost(&self, tokens: &Tokens, terms: Terms) -> Option<Cost> {
        let web_search = u128::from(tokens.web_searches) * self.web_search;
        Some(Cost { web_search, ..self.rates(tokens.prompt(), terms)?.cost(tokens) })
    }

    /// What one token of a response costs whose prompt has `prompt` tokens.
    pub(crate) fn rates(&self, prompt: u64, terms: Terms) -> Option<Rates> {
        let day = terms.day.unwrap_or(NaiveDate::MAX);
        let base = self.rates.iter().find(|(days, _)| days.holds(day)).or(self.rates.last());
        let tier = self.tiers.iter().rfind(|(days, over, _)| days.holds(day) && prompt > *over);
        let listed = tier.map(|(_, _, rates)| *rates).or(base.map(|(_, rates)| *rates));
        // A tier of the list does not hold beside a price of one's own.
        let rates = self.own_rates(day).or(listed)?;
        let fast = self.fast.iter().find(|(days, _)| terms.is_fast && days.holds(day)).map_or(ONE, |(_, factor)| *factor);
        let geography = if terms.is_us { self.us_thousandths } else { ONE };
        // A test holds that every such product is whole.
        let rate = |rate: u128| rate * fast * geography / (ONE * ONE);
        Some(Rates {
            input: rate(rates.input),
            output: rate(rates.output),
            cache_write_5m: rate(rates.cache_write_5m),
            cache_write_1h: rate(rates.cache_write_1h),
            cache_read: rate(rates.cache_read),
        })
    }
}

impl Rates {
    /// What tokens cost at these rates; searches have a price of their own.
    pub(crate) fn cost(&self, tokens: &Tokens) -> Cost {
        let five_minutes = u128::from(tokens.cache_write_5m) * self.cache_write_5m;
        let one_hour = u128::from(tokens.cache_write_1h) * self.cache_write_1h;
        Cost {
            input: u128::from(tokens.input) * self.input,
            output: u128::from(tokens.output) * self.output,
            cache_write: five_minutes + one_hour,
            cache_read: u128::from(tokens.cache_read) * self.cache_read,
            web_search: 0,
        }
    }
}

/// A factor of 1, in thousandths.
const ONE: u128 = 1000;

/// Picodollars for a search where the table names no price: $10 for 1,000.
const WEB_SEARCH: u128 = PICODOLLARS / 100;

impl Days {
    fn holds(&self, day: NaiveDate) -> bool {
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to)
    }
}

/// A model's name as the table writes it.
fn normalized(model: &str) -> String {
    let name = model.strip_suffix(']').and_then(|inner| {
        let from = inner.rfind(']').map_or(0, |at| at + 1);
        inner[from..].find('[').map(|at| &model[..from + at])
    });
    name.unwrap_or(model).to_lowercase().replace(['_', '.', '@'], "-")
}

/// Whether `known` stands in `name` as whole words, with no version number
/// behind it: `claude-opus-4` does not stand in `claude-opus-4-9`.
fn stands_in(name: &str, known: &str) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.match_indices(known).any(|(at, _)| {
        let after = &name.as_bytes()[at + known.len()..];
        let starts = !name.as_bytes()[..at].last().is_some_and(is_word);
        let ends = !after.first().is_some_and(is_word);
        starts && ends && !is_version(after, is_word)
    })
}

/// `-1` to `-99` as a whole word.
fn is_version(after: &[u8], is_word: impl Fn(&u8) -> bool) -> bool {
    match after {
        [b'-', b'1'..=b'9', rest @ ..] => {
            let second = usize::from(rest.first().is_some_and(u8::is_ascii_digit));
            !rest.get(second).is_some_and(is_word)
        }
        _ => false,
    }
}

/// The shape of `prices.json`.
#[derive(Deserialize)]
struct File {
    #[serde(rename = "_about")]
    about: About,
    models: Vec<FileModel>,
}

#[derive(Deserialize)]
struct About {
    as_of: NaiveDate,
}

#[derive(Deserialize)]
struct FileModel {
    id: String,
    ids_seen: Vec<String>,
    rates_usd_per_mtok: Vec<FileRates>,
    long_context: Vec<FileTier>,
    fast_mode: Vec<FileFactor>,
    inference_geo_us_multiplier: Option<f64>,
    web_search_usd_per_1000: Option<f64>,
}

#[derive(Deserialize)]
struct FileRates {
    #[serde(flatten)]
    days: Days,
    #[serde(flatten)]
    usd: FileUsd,
}

#[derive(Deserialize)]
struct FileTier {
    prompt_tokens_over: u64,
    #[serde(flatten)]
    days: Days,
    rates: FileUsd,
}

#[derive(Deserialize)]
struct FileFactor {
    multiplier: f64,
    #[serde(flatten)]
    days: Days,
}

/// Dollars per million tokens.
#[derive(Deserialize)]
struct FileUsd {
    input: f64,
    output: f64,
    cache_write_5m: f64,
    cache_write_1h: f64,
    cache_read: f64,
}

/// The nearest whole number of `unit` parts: written prices have few digits.
fn whole(number: f64, unit: f64) -> u128 {
    (number * unit).round() as u128
}

impl From<FileUsd> for Rates {
    fn from(usd: FileUsd) -> Rates {
        let rate = |usd| whole(usd, 1e6);
        Rates {
            input: rate(usd.input),
            output: rate(usd.output),
            cache_write_5m: rate(usd.cache_write_5m),
            cache_write_1h: rate(usd.cache_write_1h),
            cache_read: rate(usd.cache_read),
        }
    }
}

impl From<FileModel> for Price {
    fn from(model: FileModel) -> Price {
        let names = std::iter::once(model.id).chain(model.ids_seen);
        Price {
            names: names.map(|name| name.to_lowercase()).collect(),
            own: Vec::new(),
            rates: model.rates_usd_per_mtok.into_iter().map(|rates| (rates.days, rates.usd.into())).collect(),
            tiers: model.long_context.into_iter().map(|tier| (tier.days, tier.prompt_tokens_over, tier.rates.into())).collect(),
            fast: model.fast_mode.into_iter().map(|fast| (fast.days, whole(fast.multiplier, 1e3))).collect(),
            us_thousandths: model.inference_geo_us_multiplier.map_or(ONE, |factor| whole(factor, 1e3)),
            web_search: model.web_search_usd_per_1000.map_or(WEB_SEARCH, |usd| whole(usd, 1e9)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(model: &str) -> Option<&'static str> {
        Prices::builtin().find(model).map(|price| price.names[0].as_str())
    }

    #[test]
    fn names_of_clouds_and_gateways_are_known() {
        let table = [
            ("claude-opus-4-20250514", "claude-opus-4"),
            ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"),
            ("claude-opus-4-8[1m]", "claude-opus-4-8"),
            ("anthropic/claude-sonnet-4.5", "claude-sonnet-4-5"),
            ("claude-haiku-4-5@20251001", "claude-haiku-4-5"),
            ("Claude_Opus_4_1", "claude-opus-4-1"),
            ("claude-3-5-haiku-latest", "claude-3-5-haiku"),
            ("claude-opus-5-5", "claude-opus-5-5"),
        ];
        for (model, known) in table {
            assert_eq!(name(model), Some(known), "{model}");
        }
    }

    #[test]
    fn a_version_that_is_not_in_the_table_has_no_price() {
        for model in
            ["claude-opus-4-9", "claude-opus-9", "claude-opus-4-99", "gpt-5-mini", "glm-4.7", "", "xclaude-opus-4", "claude-opus-4x"]
        {
            assert_eq!(name(model), None, "{model}");
        }
    }

    fn cost(model: &str, tokens: Tokens, terms: Terms) -> u128 {
        Prices::builtin().find(model).expect("known").cost(&tokens, terms).expect("on every day").total()
    }

    #[test]
    fn cache_writes_are_priced_by_their_life() {
        let tokens = Tokens { cache_write_5m: 1_000_000, cache_write_1h: 1_000_000, ..Tokens::default() };
        assert_eq!(cost("claude-opus-4-5", tokens, Terms::default()), 16_250_000 * 1_000_000);
    }

    #[test]
    fn a_tier_prices_the_whole_request() {
        let below = Tokens { input: 100_000, output: 10, ..Tokens::default() };
        let above = Tokens { cache_read: 1, ..below };
        assert_eq!(cost("claude-haiku-5-5", below, Terms::default()), 100_000 * 100_000 + 10 * 500_000);
        assert_eq!(cost("claude-haiku-5-5", above, Terms::default()), 100_000 * 500_000 + 10 * 2_500_000 + 50_000);
    }

    #[test]
    fn prices_change_with_the_day() {
        let tokens = Tokens { cache_read: 1_000_000, ..Tokens::default() };
        let on = |day| cost("claude-sonnet-5-5", tokens, Terms { day: NaiveDate::from_ymd_opt(2026, 10, day), ..Terms::default() });
        assert_eq!((on(6), on(7)), (200_000 * 1_000_000, 100_000 * 1_000_000));
    }

    #[test]
    fn fast_and_geography_multiply_tokens_but_not_searches() {
        let tokens = Tokens { input: 1_000_000, web_searches: 1, ..Tokens::default() };
        let terms = Terms { is_fast: true, is_us: true, ..Terms::default() };
        assert_eq!(cost("claude-opus-4-8", tokens, terms), 11 * PICODOLLARS + PICODOLLARS / 100);
    }

    fn own(model: &str, from: Option<&str>, input: f64) -> PriceOverride {
        let from = from.map(|day| day.parse().expect("a day"));
        let (output, cache_write_5m, cache_write_1h, cache_read) = (0.0, 0.0, 0.0, 0.0);
        PriceOverride { model: model.into(), from, to: None, input, output, cache_write_5m, cache_write_1h, cache_read }
    }

    #[test]
    fn prices_of_ones_own_go_before_the_list() {
        let million = Tokens { input: 1_000_000, ..Tokens::default() };
        let dollars = |own: &[PriceOverride], model: &str, day: Option<&str>| {
            let terms = Terms { day: day.map(|day| day.parse().expect("a day")), ..Terms::default() };
            let prices = Prices::builtin().with_overrides(own).expect("rates that can be");
            let cost = prices.find(model)?.cost(&million, terms)?;
            Some(cost.total() / (PICODOLLARS / 100))
        };
        assert_eq!(dollars(&[], "claude-opus-4-5-20251101", None), Some(500));
        // Under all names of the model, and on its days only.
        let since = [own("claude-opus-4-5", Some("2026-01-01"), 1.25)];
        assert_eq!(dollars(&since, "claude-opus-4-5-20251101", None), Some(125));
        assert_eq!(dollars(&since, "claude-opus-4-5", Some("2025-12-31")), Some(500));
        assert_eq!(dollars(&since, "claude-opus-4-6", None), Some(500));
        // A snapshot alone, and a model that no list has.
        assert_eq!(dollars(&[own("claude-opus-4-5-20251101", None, 2.0)], "claude-opus-4-5-20251101", None), Some(200));
        assert_eq!(dollars(&[own("claude-opus-4-5-20251101", None, 2.0)], "claude-opus-4-5", None), Some(500));
        assert_eq!(dollars(&[own("glm-4.7", None, 0.6)], "glm-4.7", None), Some(60));
        // Such a model has no price on other days.
        let since = [own("glm-4.7", Some("2026-01-01"), 0.6)];
        assert_eq!(dollars(&since, "glm-4.7", Some("2026-01-01")), Some(60));
        assert_eq!(dollars(&since, "glm-4.7", Some("2025-12-31")), None);
    }

    #[test]
    fn a_tier_of_the_list_does_not_hold_beside_a_price_of_ones_own() {
        let prices = Prices::builtin().with_overrides(&[own("claude-sonnet-4-5", Some("2026-01-01"), 1.0)]).expect("rates that can be");
        let large = Tokens { input: 300_000, ..Tokens::default() };
        let price = prices.find("claude-sonnet-4-5").expect("known");
        let on = |day: &str| price.cost(&large, Terms { day: day.parse().ok(), ..Terms::default() }).map(|cost| cost.total());
        assert_eq!(on("2026-01-01"), Some(300_000 * 1_000_000));
        assert_eq!(on("2025-12-31"), Some(300_000 * 6_000_000));
    }

    #[test]
    fn a_rate_that_cannot_be_is_refused() {
        for rate in [f64::NAN, f64::INFINITY, -1.0, 1e300] {
            let refused = Prices::builtin().with_overrides(&[own("m", None, rate)]);
            assert!(matches!(refused, Err(Error::Price(model)) if model == "m"), "{rate}");
        }
    }

    #[test]
    fn every_product_of_rate_and_factors_is_whole() {
        for price in &Prices::builtin().models {
            let factors: Vec<u128> = price.fast.iter().map(|(_, factor)| *factor).chain([ONE]).collect();
            for (_, rates) in price.rates.iter().copied().chain(price.tiers.iter().map(|(days, _, rates)| (*days, *rates))) {
                for rate in [rates.input, rates.output, rates.cache_write_5m, rates.cache_write_1h, rates.cache_read] {
                    assert!(
                        rate > 0 && factors.iter().all(|factor| rate * factor * price.us_thousandths % (ONE * ONE) == 0),
                        "{:?}",
                        price.names
                    );
                }
            }
        }
    }
}
