//! Columns of numbers, each written in the form that takes the fewest bytes.
//!
//! Most columns of one transcript hold one value, or few changes, or numbers
//! that grow in small steps. Reading is bounded: a damaged column gives an error
//! and never more numbers than were asked for.

/// The bytes are not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Damaged;

/// How a column is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Form {
    /// One value, over and over.
    Constant,
    /// Values, each with how often it comes.
    Runs,
    /// Each number in as many bytes as it needs.
    Plain,
    /// The step from each number to the next.
    Steps,
    /// Eight bytes for each number: hashes.
    Wide,
}

/// Writes a column. How many numbers it has must be told to [`read`].
pub(super) fn write(numbers: &[u64], out: &mut Vec<u8>) {
    let form = best_form(numbers);
    out.push(form as u8);
    match form {
        Form::Constant => write_number(numbers.first().copied().unwrap_or_default(), out),
        Form::Runs => numbers.chunk_by(|a, b| a == b).for_each(|run| {
            write_number(run[0], out);
            write_number(run.len() as u64, out);
        }),
        Form::Plain => numbers.iter().for_each(|number| write_number(*number, out)),
        Form::Steps => steps(numbers).for_each(|step| write_number(step, out)),
        Form::Wide => numbers.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes())),
    }
}

fn best_form(numbers: &[u64]) -> Form {
    let [mut runs, mut plain, mut stepped] = [0; 3];
    let (mut before, mut run) = (None, 0_u64);
    for (number, step) in numbers.iter().zip(steps(numbers)) {
        plain += length(*number);
        stepped += length(step);
        if before != Some(*number) {
            runs += length(run) + length(*number);
            (before, run) = (Some(*number), 0);
        }
        run += 1;
    }
    if run == numbers.len() as u64 {
        return Form::Constant;
    }
    let sizes = [(runs, Form::Runs), (plain, Form::Plain), (stepped, Form::Steps), (8 * numbers.len(), Form::Wide)];
    sizes.into_iter().min_by_key(|(size, _)| *size).map_or(Form::Plain, |(_, form)| form)
}

/// The step to each number from the one before it, small steps down as small numbers too.
fn steps(numbers: &[u64]) -> impl Iterator<Item = u64> {
    let mut before = 0_u64;
    numbers.iter().map(move |number| {
        let step = number.wrapping_sub(before) as i64;
        before = *number;
        ((step << 1) ^ (step >> 63)) as u64
    })
}

/// The bytes that [`write_number`] takes.
fn length(number: u64) -> usize {
    (64 - (number | 1).leading_zeros() as usize).div_ceil(7)
}

/// Writes a number, seven bits to a byte.
pub(super) fn write_number(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Reads what was written, from the front.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes<'b>(pub(super) &'b [u8]);

impl<'b> Bytes<'b> {
    pub(super) fn take(&mut self, count: usize) -> Result<&'b [u8], Damaged> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Damaged)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Damaged> {
        self.take(N)?.try_into().map_err(|_| Damaged)
    }

    #[inline]
    pub(super) fn number(&mut self) -> Result<u64, Damaged> {
        let mut number = 0;
        for (index, byte) in self.0.iter().enumerate().take(10) {
            number |= u64::from(byte & 0x7F) << (7 * index);
            if *byte < 0x80 {
                self.0 = &self.0[index + 1..];
                return Ok(number);
            }
        }
        Err(Damaged)
    }

    /// A count of things of which each takes at least a byte somewhere in the block.
    pub(super) fn count(&mut self, most: usize) -> Result<usize, Damaged> {
        usize::try_from(self.number()?).ok().filter(|count| *count <= most).ok_or(Damaged)
    }

    /// Reads a column of `count` numbers into `numbers`.
    pub(super) fn column(&mut self, count: usize, numbers: &mut Vec<u64>) -> Result<(), Damaged> {
        numbers.clear();
        let [form] = self.array()?;
        match form {
            form if form == Form::Constant as u8 => numbers.resize(count, self.number()?),
            form if form == Form::Runs as u8 => {
                while numbers.len() < count {
                    let (number, run) = (self.number()?, self.count(count - numbers.len())?);
                    if run == 0 {
                        return Err(Damaged);
                    }
                    numbers.resize(numbers.len() + run, number);
                }
            }
            form if form == Form::Plain as u8 => {
                for _ in 0..count {
                    numbers.push(self.number()?);
                }
            }
            form if form == Form::Steps as u8 => {
                let mut number = 0_u64;
                for _ in 0..count {
                    let step = self.number()?;
                    number = number.wrapping_add(step >> 1 ^ (step & 1).wrapping_neg());
                    numbers.push(number);
                }
            }
            form if form == Form::Wide as u8 => {
                let bytes = self.take(8 * count)?;
                numbers.extend(bytes.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes)));
            }
            _ => return Err(Damaged),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn round(numbers: &[u64]) -> (usize, Vec<u64>) {
        let (mut bytes, mut read) = (Vec::new(), vec![7]);
        write(numbers, &mut bytes);
        let mut rest = Bytes(&bytes);
        rest.column(numbers.len(), &mut read).expect("what was written");
        assert_eq!(rest.0, b"");
        (bytes.len(), read)
    }

    #[test]
    fn columns_take_few_bytes() {
        let many = |number: fn(u64) -> u64| (0..1000).map(number).collect::<Vec<_>>();
        let sizes = [many(|_| 5), many(|at| at / 500), many(|at| 1_700_000_000_000 + 40 * at), many(|at| u64::MAX - at % 7 * (1 << 60))];
        assert_eq!(sizes.map(|numbers| round(&numbers).0), [2, 7, 1006, 8001]);
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(numbers in prop::collection::vec(prop_oneof![0..4_u64, any::<u64>(), Just(u64::MAX)], 0..300)) {
            prop_assert_eq!(round(&numbers).1, numbers);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64), count in 0..1000_usize) {
            let mut numbers = Vec::new();
            _ = Bytes(&bytes).column(count, &mut numbers);
            prop_assert!(numbers.len() <= count);
        }
    }
}
