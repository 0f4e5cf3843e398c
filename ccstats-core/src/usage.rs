//! Token counts of one response.

use crate::entry::Usage;

/// Tokens of one response by kind. Each count is below 2^53.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Prompt tokens outside the cache.
    pub input: u64,
    /// Tokens the model wrote, thinking included.
    pub output: u64,
    /// Prompt tokens written to the cache for five minutes.
    pub cache_write_5m: u64,
    /// Prompt tokens written to the cache for one hour.
    pub cache_write_1h: u64,
    /// Prompt tokens read from the cache.
    pub cache_read: u64,
    /// Web searches that the API made; no tokens, but billed with them.
    pub web_searches: u64,
}

impl Tokens {
    /// The counts of a `usage`. What its split of cache writes leaves of the
    /// whole is 5m; without a split all of it is.
    pub fn of(usage: &Usage) -> Tokens {
        let (five_minutes, one_hour) = usage.cache_write_split.unwrap_or_default();
        Tokens {
            input: usage.input,
            output: usage.output,
            cache_write_5m: five_minutes + usage.cache_write.saturating_sub(five_minutes + one_hour),
            cache_write_1h: one_hour,
            cache_read: usage.cache_read,
            web_searches: usage.web_searches,
        }
    }

    /// Both kinds of cache writes.
    pub fn cache_write(&self) -> u64 {
        self.cache_write_5m + self.cache_write_1h
    }

    /// The size of the prompt: what a price tier looks at.
    pub fn prompt(&self) -> u64 {
        self.input + self.cache_write() + self.cache_read
    }
}
