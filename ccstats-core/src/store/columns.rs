//! Columns of numbers, each written in the form that takes the fewest bytes.
//!
//! Most columns of one transcript hold one value, or few changes, or numbers
//! that grow in small steps. A column is read some numbers at a time, beside the others
//! of its table, and is never spread out in memory as a whole.

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

impl Form {
    const ALL: [Form; 5] = [Form::Constant, Form::Runs, Form::Plain, Form::Steps, Form::Wide];
}

/// Smaller numbers take one byte.
const ONE_BYTE: u64 = 0x80;

/// Writes a column behind its length in bytes. How many numbers it has is not written.
pub(super) fn write(numbers: &[u64], out: &mut Vec<u8>) {
    let (size, form) = smallest(numbers);
    write_number(1 + size as u64, out);
    out.reserve(1 + size);
    out.push(form as u8);
    match form {
        Form::Constant => write_number(numbers.first().copied().unwrap_or_default(), out),
        Form::Runs => runs(numbers).for_each(|number| write_number(number, out)),
        Form::Plain => numbers.iter().for_each(|number| write_number(*number, out)),
        Form::Steps => steps(numbers).for_each(|step| write_number(step, out)),
        Form::Wide => numbers.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes())),
    }
}

/// The form that takes the fewest bytes, and their number.
fn smallest(numbers: &[u64]) -> (usize, Form) {
    let changes = numbers.windows(2).filter(|pair| pair[0] != pair[1]).count();
    // Most columns.
    if changes == 0 {
        return (length(numbers.first().copied().unwrap_or_default()), Form::Constant);
    }
    let (mut plain, mut stepped, wide) = (numbers.len(), numbers.len(), 8 * numbers.len());
    if numbers.iter().fold(0, |all, number| all | number) >= ONE_BYTE {
        plain = numbers.iter().copied().map(length).sum();
        stepped = steps(numbers).map(length).sum();
    }
    // Each run takes two bytes at least.
    let may_be_runs = 2 * (changes + 1) <= plain.min(stepped).min(wide);
    let runs = if may_be_runs { runs(numbers).map(length).sum() } else { usize::MAX };
    let sizes = [(runs, Form::Runs), (plain, Form::Plain), (stepped, Form::Steps), (wide, Form::Wide)];
    sizes.into_iter().min_by_key(|(size, _)| *size).expect("there are four")
}

/// Each number that differs from the one before it, and how often it comes.
fn runs(numbers: &[u64]) -> impl Iterator<Item = u64> {
    numbers.chunk_by(|a, b| a == b).flat_map(|run| [run[0], run.len() as u64])
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
    (70 - (number | 1).leading_zeros() as usize) / 7
}

/// Writes a number, seven bits to a byte.
pub(super) fn write_number(mut number: u64, out: &mut Vec<u8>) {
    while number >= ONE_BYTE {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// The seven low bits of each byte behind one another.
fn joined(bytes: u64) -> u64 {
    let pairs = bytes & 0x007F_007F_007F_007F | (bytes & 0x7F00_7F00_7F00_7F00) >> 1;
    let quads = pairs & 0x0000_3FFF_0000_3FFF | (pairs & 0x3FFF_0000_3FFF_0000) >> 2;
    quads & 0x0FFF_FFFF | (quads & 0x0FFF_FFFF_0000_0000) >> 4
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
        // Most numbers are small.
        if let [byte @ 0..0x80, rest @ ..] = self.0 {
            self.0 = rest;
            return Ok(u64::from(*byte));
        }
        self.long_number()
    }

    fn long_number(&mut self) -> Result<u64, Damaged> {
        // Of which length the next one is cannot be foreseen: up to eight bytes are read as one.
        if let Some(bytes) = self.0.first_chunk() {
            let word = u64::from_le_bytes(*bytes);
            let ends = !word & 0x8080_8080_8080_8080;
            if ends != 0 {
                self.0 = &self.0[ends.trailing_zeros() as usize / 8 + 1..];
                return Ok(joined(word & (ends ^ (ends - 1)) & 0x7F7F_7F7F_7F7F_7F7F));
            }
        }
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

    /// A column of some numbers. Before version 2 the length of a column was not written.
    pub(super) fn column(&mut self, count: usize, has_length: bool) -> Result<Column<'b>, Damaged> {
        if has_length {
            let length = self.count(self.0.len())?;
            return Column::new(Bytes(self.take(length)?));
        }
        let mut column = Column::new(*self)?;
        let start = column;
        let mut numbers = [0; 64];
        (0..count).step_by(64).try_for_each(|at| column.fill(&mut numbers[..(count - at).min(64)]))?;
        *self = column.rest;
        Ok(start)
    }
}

/// Gives the numbers of a column, one after another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column<'b> {
    form: Form,
    rest: Bytes<'b>,
    /// The last number.
    number: u64,
    /// How often it comes again.
    run: u64,
}

impl<'b> Column<'b> {
    fn new(mut rest: Bytes<'b>) -> Result<Column<'b>, Damaged> {
        let [form] = rest.array()?;
        let form = Form::ALL.into_iter().find(|known| *known as u8 == form).ok_or(Damaged)?;
        let number = if form == Form::Constant { rest.number()? } else { 0 };
        Ok(Column { form, rest, number, run: 0 })
    }

    /// Whether it gives one number over and over.
    pub(super) fn is_constant(&self) -> bool {
        self.form == Form::Constant
    }

    /// The next numbers.
    ///
    /// # Errors
    /// When the column ends before, or is not what was written.
    pub(super) fn fill(&mut self, numbers: &mut [u64]) -> Result<(), Damaged> {
        match self.form {
            Form::Constant => numbers.fill(self.number),
            Form::Runs => return self.fill_runs(numbers),
            Form::Plain => {
                for number in numbers {
                    *number = self.rest.number()?;
                }
            }
            Form::Steps => {
                for number in numbers {
                    let step = self.rest.number()?;
                    self.number = self.number.wrapping_add(step >> 1 ^ (step & 1).wrapping_neg());
                    *number = self.number;
                }
            }
            Form::Wide => {
                let bytes = self.rest.take(8 * numbers.len())?.as_chunks().0;
                numbers.iter_mut().zip(bytes).for_each(|(number, bytes)| *number = u64::from_le_bytes(*bytes));
            }
        }
        Ok(())
    }

    fn fill_runs(&mut self, mut numbers: &mut [u64]) -> Result<(), Damaged> {
        while !numbers.is_empty() {
            if self.run == 0 {
                (self.number, self.run) = (self.rest.number()?, self.rest.number()?);
            }
            let length = numbers.len().min(usize::try_from(self.run).unwrap_or(usize::MAX));
            if length == 0 {
                return Err(Damaged);
            }
            let (run, rest) = numbers.split_at_mut(length);
            run.fill(self.number);
            self.run -= length as u64;
            numbers = rest;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Seven at a time.
    fn read(mut column: Column, count: usize) -> Result<Vec<u64>, Damaged> {
        let mut numbers = vec![0; count];
        numbers.chunks_mut(7).try_for_each(|some| column.fill(some))?;
        Ok(numbers)
    }

    /// The bytes of a column, and what is read from it, with and without its length.
    fn round(numbers: &[u64]) -> (usize, [Vec<u64>; 2]) {
        let mut with_length = Vec::new();
        write(numbers, &mut with_length);
        let mut rest = Bytes(&with_length);
        let length = rest.number().expect("a length");
        let without = rest.0;
        assert_eq!(length, without.len() as u64);
        let read = |bytes: &[u8], has_length| {
            let mut rest = Bytes(bytes);
            let column = rest.column(numbers.len(), has_length).expect("what was written");
            assert_eq!(rest.0, b"");
            read(column, numbers.len()).expect("what was written")
        };
        (without.len(), [read(&with_length, true), read(without, false)])
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
            prop_assert_eq!(round(&numbers).1, [numbers.clone(), numbers]);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64), count in 0..1000_usize) {
            for has_length in [false, true] {
                _ = Bytes(&bytes).column(count, has_length).and_then(|column| read(column, count));
            }
        }
    }
}
