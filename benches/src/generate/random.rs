//! Random numbers that are the same on every machine and in every release.
//!
//! A tree is named by its seed in measurements, so it must never change by
//! itself. `rand` gives no such promise for its small generator: splitmix64
//! does, and is shorter than the call that would configure it.

/// A stream of random numbers, fixed by its seed.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed ^ 0x5851_f42d_4c95_7f2d)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number in `0..limit`; `limit` is not 0.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// Whether something that happens so many times in a thousand happens now.
    pub(super) fn happens(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    pub(super) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    /// The value of one of the pairs, which are weighted by their second half.
    pub(super) fn weighted<T: Copy>(&mut self, choices: &[(T, u64)]) -> T {
        let total = choices.iter().map(|(_, weight)| weight).sum();
        let mut left = self.below(total);
        for &(value, weight) in choices {
            if left < weight {
                return value;
            }
            left -= weight;
        }
        choices[0].0
    }

    /// A size from a log-normal distribution: half of all are below `median`,
    /// two thirds within a factor of `e^spread`.
    pub(super) fn size(&mut self, median: f64, spread: f64) -> usize {
        // Twelve uniform numbers add up to a normal one closely enough.
        let uniform: f64 = (0..12).map(|_| (self.next() >> 11) as f64 / (1_u64 << 53) as f64).sum();
        (median * ((uniform - 6.0) * spread).exp()) as usize
    }
}
