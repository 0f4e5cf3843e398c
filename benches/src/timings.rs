//! Times of several things that are measured in turns.
//!
//! A shared machine is faster at one minute than at the next, so things are
//! compared within a turn, and medians are taken over all turns.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// Things in the order of their first turn.
#[derive(Debug, Default)]
pub struct Timings(Vec<Row>);

/// One thing, with its times of all turns.
#[derive(Debug)]
pub struct Row {
    /// What was measured.
    pub name: String,
    /// Seconds, in the order of turns.
    pub seconds: Vec<f64>,
}

impl Timings {
    /// Does some work and adds its time to those of the same name.
    ///
    /// # Errors
    /// Those of the work.
    pub fn time<T, E>(&mut self, name: &str, work: impl FnOnce() -> Result<T, E>) -> Result<(), E> {
        let start = Instant::now();
        black_box(work()?);
        self.add(name, start.elapsed());
        Ok(())
    }

    fn add(&mut self, name: &str, time: Duration) {
        let seconds = time.as_secs_f64();
        match self.0.iter_mut().find(|row| row.name == name) {
            Some(row) => row.seconds.push(seconds),
            None => self.0.push(Row { name: name.into(), seconds: vec![seconds] }),
        }
    }

    /// All things measured.
    pub fn rows(&self) -> &[Row] {
        &self.0
    }

    /// How many times as long as the thing at `base` another one takes: the
    /// median over the turns. NaN when there is no such thing.
    pub fn ratio(&self, row: &Row, base: usize) -> f64 {
        let base = self.0.get(base).map_or(&[][..], |base| &base.seconds);
        median(row.seconds.iter().zip(base).map(|(seconds, base)| seconds / base).collect())
    }
}

impl Row {
    /// The median time, in seconds.
    pub fn median(&self) -> f64 {
        median(self.seconds.clone())
    }

    /// The shortest and the longest time, in seconds.
    pub fn extremes(&self) -> (f64, f64) {
        self.seconds.iter().fold((f64::INFINITY, 0.0), |(min, max), &seconds| (min.min(seconds), max.max(seconds)))
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_are_compared_within_a_turn() {
        let mut timings = Timings::default();
        for (base, other) in [(125, 250), (250, 750), (500, 1500)] {
            timings.add("base", Duration::from_millis(base));
            timings.add("other", Duration::from_millis(other));
        }
        let other = &timings.rows()[1];
        assert_eq!(timings.ratio(other, 0), 3.0);
        assert_eq!((other.median(), other.extremes()), (0.75, (0.25, 1.5)));
    }
}
