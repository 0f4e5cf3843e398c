//! Skips strings and containers, 64 bytes at a time.
//!
//! Half of a transcript is text that no rule reads. For every block of 64
//! bytes one mask per interesting byte is made (quotes, backslashes,
//! newlines, openers, closers); strings and depth then follow from a few
//! operations on 64-bit numbers, as in "Parsing Gigabytes of JSON per Second"
//! (Langdale and Lemire, 2019). A raw newline ends everything: it cannot stand
//! inside a line, so one damaged string never swallows the next line.
//!
//! The scalar twin answers the same questions byte by byte; tests compare it
//! with every other level on random input. Nothing here reads past the slice.

/// The ways to skip that suit the processor, chosen once per scan.
#[derive(Clone, Copy)]
pub(crate) struct Skips {
    /// From the byte after an opening quote to the closing one. `None` when a
    /// newline or the end comes first.
    pub(crate) string: fn(&[u8], usize) -> Option<StringEnd>,
    /// From the byte after an opener to the index after its closer. `[` and
    /// `{` count as one kind. `None` when a newline or the end comes first.
    pub(crate) container: fn(&[u8], usize) -> Option<usize>,
}

/// Where a string ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StringEnd {
    /// The index of the closing quote.
    pub(crate) at: usize,
    /// A backslash stands before it.
    pub(crate) has_escapes: bool,
}

/// A set of instructions that a scan can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Byte by byte, on any processor.
    Scalar,
    /// Two vectors of 32 bytes (x86-64).
    Avx2,
    /// One vector of 64 bytes (x86-64).
    Avx512,
}

impl Level {
    /// The best level of this processor.
    pub fn detect() -> Level {
        Level::all().last().copied().unwrap_or(Level::Scalar)
    }

    /// Every level that this processor has, the slowest first.
    pub fn all() -> Vec<Level> {
        #[allow(unused_mut, reason = "only x86-64 has more than one level")]
        let mut levels = vec![Level::Scalar];
        #[cfg(target_arch = "x86_64")]
        {
            let bits = is_x86_feature_detected!("pclmulqdq")
                && is_x86_feature_detected!("popcnt")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("bmi2")
                && is_x86_feature_detected!("lzcnt");
            if bits && is_x86_feature_detected!("avx2") {
                levels.push(Level::Avx2);
                if is_x86_feature_detected!("avx512bw") {
                    levels.push(Level::Avx512);
                }
            }
        }
        levels
    }
}

impl Skips {
    /// The functions of a level, or of the scalar one where it is missing.
    pub(crate) fn new(level: Level) -> Skips {
        #[cfg(target_arch = "x86_64")]
        if level > Level::Scalar && Level::all().contains(&level) {
            return if level == Level::Avx2 { x86::AVX2 } else { x86::AVX512 };
        }
        let _ = level;
        Skips { string: scalar::string, container: scalar::container }
    }
}

/// Skips without vectors: the reference for the others.
mod scalar {
    use super::StringEnd;

    pub(super) fn string(bytes: &[u8], mut at: usize) -> Option<StringEnd> {
        let mut has_escapes = false;
        loop {
            at += memchr::memchr3(b'"', b'\\', b'\n', bytes.get(at..)?)?;
            match bytes[at] {
                b'"' => return Some(StringEnd { at, has_escapes }),
                b'\n' => return None,
                _ if bytes.get(at + 1) == Some(&b'\n') => return None,
                _ => at += 2,
            }
            has_escapes = true;
        }
    }

    pub(super) fn container(bytes: &[u8], mut at: usize) -> Option<usize> {
        let mut depth = 1_usize;
        loop {
            match *bytes.get(at)? {
                b'"' => at = string(bytes, at + 1)?.at,
                // Outside of strings there are no escapes. In a torn line such a
                // quote still belongs to a string that began before the tear.
                b'\\' if matches!(bytes.get(at + 1), Some(b'"' | b'\\')) => at += 1,
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth == 1 => return Some(at + 1),
                b'}' | b']' => depth -= 1,
                b'\n' => return None,
                _ => {}
            }
            at += 1;
        }
    }
}

/// Skips by masks of 64 bytes. `Block` makes the masks.
#[cfg(target_arch = "x86_64")]
mod masks {
    use super::StringEnd;

    /// Positions 1, 3, 5 … of a block.
    const ODD: u64 = 0xAAAA_AAAA_AAAA_AAAA;

    /// 64 bytes in vector registers.
    pub(super) trait Block: Copy {
        fn load(bytes: &[u8; 64]) -> Self;
        /// Has the memory bring what comes after these bytes. A processor does
        /// so by itself, but begins anew at each page and after each wrong guess.
        fn prefetch(bytes: &[u8]);
        /// One bit for each byte that equals `byte`.
        fn eq(self, byte: u8) -> u64;
        /// The block with bit 0x20 set in each byte: `[` becomes `{`, `]` becomes `}`.
        fn fold(self) -> Self;
        /// Bit `i` is the parity of bits `0..=i`.
        fn prefix_xor(mask: u64) -> u64;
    }

    /// The block at `at`, padded with zeros behind the end of the input.
    #[inline(always)]
    fn block<B: Block>(bytes: &[u8], at: usize) -> Option<B> {
        let rest = bytes.get(at..)?;
        B::prefetch(rest);
        if let Some(whole) = rest.first_chunk() {
            return Some(B::load(whole));
        }
        let mut padded = [0; 64];
        padded[..rest.len()].copy_from_slice(rest);
        (!rest.is_empty()).then(|| B::load(&padded))
    }

    /// The positions that follow an odd run of backslashes. `carry` is 1 when
    /// the block before ended in such a run.
    ///
    /// Adding the first bit of a run to its bits carries to the position
    /// behind it; a run that starts at an even position and ends before an
    /// odd one has an odd length, and the other way round.
    #[inline(always)]
    fn escaped(backslashes: u64, carry: &mut u64) -> u64 {
        let runs = backslashes & !*carry;
        let starts = runs & !(runs << 1);
        let from_even = runs.wrapping_add(starts & !ODD);
        let (from_odd, overflow) = runs.overflowing_add(starts & ODD);
        let ends = (from_even & ODD | from_odd & !ODD) & !runs;
        let escaped = ends | *carry;
        *carry = u64::from(overflow);
        escaped
    }

    #[inline(always)]
    pub(super) fn string<B: Block>(bytes: &[u8], mut at: usize) -> Option<StringEnd> {
        let (mut carry, mut has_escapes) = (0, false);
        loop {
            let block: B = block(bytes, at)?;
            let backslashes = block.eq(b'\\');
            let mut quotes = block.eq(b'"');
            if backslashes | carry != 0 {
                quotes &= !escaped(backslashes, &mut carry);
            }
            let ends = quotes | block.eq(b'\n');
            if ends != 0 {
                let first = ends.trailing_zeros();
                has_escapes |= backslashes & ((1 << first) - 1) != 0;
                let end = StringEnd { at: at + first as usize, has_escapes };
                return (quotes >> first & 1 == 1).then_some(end);
            }
            has_escapes |= backslashes != 0;
            at += 64;
        }
    }

    #[inline(always)]
    pub(super) fn container<B: Block>(bytes: &[u8], mut at: usize) -> Option<usize> {
        let (mut depth, mut carry, mut inside) = (1_u64, 0, 0_u64);
        loop {
            let block: B = block(bytes, at)?;
            let quotes = block.eq(b'"') & !escaped(block.eq(b'\\'), &mut carry);
            let newlines = block.eq(b'\n');
            if quotes | !inside | newlines != 0 {
                let strings = B::prefix_xor(quotes) ^ inside;
                inside = ((strings as i64) >> 63) as u64;
                let folded = block.fold();
                let opens = folded.eq(b'{') & !strings;
                let closes = folded.eq(b'}') & !strings;
                if newlines != 0 || u64::from(closes.count_ones()) >= depth {
                    match resolve(opens, closes, newlines, &mut depth) {
                        Resolved::Closed(bit) => return Some(at + bit as usize + 1),
                        Resolved::Newline => return None,
                        Resolved::Open => {}
                    }
                } else {
                    depth = depth + u64::from(opens.count_ones()) - u64::from(closes.count_ones());
                }
            }
            at += 64;
        }
    }

    enum Resolved {
        Closed(u32),
        Newline,
        Open,
    }

    /// Follows the depth bit by bit through a block where it can reach zero.
    #[inline(always)]
    fn resolve(opens: u64, closes: u64, newlines: u64, depth: &mut u64) -> Resolved {
        let mut rest = opens | closes | newlines;
        while rest != 0 {
            let bit = rest.trailing_zeros();
            if newlines >> bit & 1 == 1 {
                return Resolved::Newline;
            }
            if opens >> bit & 1 == 1 {
                *depth += 1;
            } else {
                *depth -= 1;
                if *depth == 0 {
                    return Resolved::Closed(bit);
                }
            }
            rest &= rest - 1;
        }
        Resolved::Open
    }
}

/// The vector levels of x86-64.
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "vector instructions need a processor that has them")]
mod x86 {
    use std::arch::x86_64::*;

    use super::masks::{self, Block};
    use super::{Skips, StringEnd};

    pub(super) const AVX2: Skips = Skips {
        // SAFETY: `Skips::new` hands these out only where `Level::all` has seen
        // AVX2 and all the bit instructions on this processor.
        string: |bytes, at| unsafe { string_avx2(bytes, at) },
        // SAFETY: as above.
        container: |bytes, at| unsafe { container_avx2(bytes, at) },
    };

    pub(super) const AVX512: Skips = Skips {
        // SAFETY: `Skips::new` hands these out only where `Level::all` has seen
        // AVX-512BW and all the bit instructions on this processor.
        string: |bytes, at| unsafe { string_avx512(bytes, at) },
        // SAFETY: as above.
        container: |bytes, at| unsafe { container_avx512(bytes, at) },
    };

    #[target_feature(enable = "avx2,pclmulqdq,popcnt,bmi1,bmi2,lzcnt")]
    fn string_avx2(bytes: &[u8], at: usize) -> Option<StringEnd> {
        masks::string::<Avx2>(bytes, at)
    }

    #[target_feature(enable = "avx2,pclmulqdq,popcnt,bmi1,bmi2,lzcnt")]
    fn container_avx2(bytes: &[u8], at: usize) -> Option<usize> {
        masks::container::<Avx2>(bytes, at)
    }

    #[target_feature(enable = "avx512bw,pclmulqdq,popcnt,bmi1,bmi2,lzcnt")]
    fn string_avx512(bytes: &[u8], at: usize) -> Option<StringEnd> {
        masks::string::<Avx512>(bytes, at)
    }

    #[target_feature(enable = "avx512bw,pclmulqdq,popcnt,bmi1,bmi2,lzcnt")]
    fn container_avx512(bytes: &[u8], at: usize) -> Option<usize> {
        masks::container::<Avx512>(bytes, at)
    }

    /// Made and used only below functions that enable AVX2 and PCLMULQDQ.
    #[derive(Clone, Copy)]
    struct Avx2(__m256i, __m256i);

    impl Block for Avx2 {
        #[inline(always)]
        fn load(bytes: &[u8; 64]) -> Self {
            let start = bytes.as_ptr();
            // SAFETY: both unaligned loads stay inside the 64 bytes; see `Avx2`.
            unsafe { Avx2(_mm256_loadu_si256(start.cast()), _mm256_loadu_si256(start.add(32).cast())) }
        }

        #[inline(always)]
        fn prefetch(bytes: &[u8]) {
            prefetch(bytes);
        }

        #[inline(always)]
        fn eq(self, byte: u8) -> u64 {
            // SAFETY: no memory is touched; see `Avx2`.
            unsafe {
                let wanted = _mm256_set1_epi8(byte as i8);
                let low = _mm256_movemask_epi8(_mm256_cmpeq_epi8(self.0, wanted)) as u32;
                let high = _mm256_movemask_epi8(_mm256_cmpeq_epi8(self.1, wanted)) as u32;
                u64::from(high) << 32 | u64::from(low)
            }
        }

        #[inline(always)]
        fn fold(self) -> Self {
            // SAFETY: no memory is touched; see `Avx2`.
            unsafe {
                let bit = _mm256_set1_epi8(0x20);
                Avx2(_mm256_or_si256(self.0, bit), _mm256_or_si256(self.1, bit))
            }
        }

        #[inline(always)]
        fn prefix_xor(mask: u64) -> u64 {
            // SAFETY: no memory is touched; see `Avx2`.
            unsafe { prefix_xor(mask) }
        }
    }

    /// Made and used only below functions that enable AVX-512BW and PCLMULQDQ.
    #[derive(Clone, Copy)]
    struct Avx512(__m512i);

    impl Block for Avx512 {
        #[inline(always)]
        fn load(bytes: &[u8; 64]) -> Self {
            // SAFETY: the unaligned load reads exactly the 64 bytes; see `Avx512`.
            unsafe { Avx512(_mm512_loadu_si512(bytes.as_ptr().cast())) }
        }

        #[inline(always)]
        fn prefetch(bytes: &[u8]) {
            prefetch(bytes);
        }

        #[inline(always)]
        fn eq(self, byte: u8) -> u64 {
            // SAFETY: no memory is touched; see `Avx512`.
            unsafe { _mm512_cmpeq_epi8_mask(self.0, _mm512_set1_epi8(byte as i8)) }
        }

        #[inline(always)]
        fn fold(self) -> Self {
            // SAFETY: no memory is touched; see `Avx512`.
            unsafe { Avx512(_mm512_or_si512(self.0, _mm512_set1_epi8(0x20))) }
        }

        #[inline(always)]
        fn prefix_xor(mask: u64) -> u64 {
            // SAFETY: no memory is touched; see `Avx512`.
            unsafe { prefix_xor(mask) }
        }
    }

    #[inline(always)]
    fn prefetch(bytes: &[u8]) {
        const DISTANCE: usize = 2048;
        // SAFETY: a prefetch reads nothing that the program sees and cannot fail,
        // whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(bytes.as_ptr().wrapping_add(DISTANCE).cast()) }
    }

    /// A carry-less product with all ones is the running parity.
    #[inline]
    #[target_feature(enable = "pclmulqdq")]
    fn prefix_xor(mask: u64) -> u64 {
        let product = _mm_clmulepi64_si128(_mm_set_epi64x(0, mask as i64), _mm_set1_epi8(-1), 0);
        _mm_cvtsi128_si64(product) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What every level answers for one input, in the order of the levels.
    fn all_levels(bytes: &[u8], at: usize) -> Vec<(Option<StringEnd>, Option<usize>)> {
        let answer = |level| {
            let skips = Skips::new(level);
            ((skips.string)(bytes, at), (skips.container)(bytes, at))
        };
        Level::all().into_iter().map(answer).collect()
    }

    #[test]
    fn strings_end_at_the_first_quote_that_no_backslash_escapes() {
        for level in Level::all() {
            let string = |bytes: &[u8], at| (Skips::new(level).string)(bytes, at).map(|end| end.at);
            assert_eq!(string(br#"abc" rest"#, 0), Some(3), "{level:?}");
            assert_eq!(string(br#"a\"b" rest"#, 0), Some(4), "{level:?}");
            assert_eq!(string(br#"a\\" rest"#, 0), Some(3), "{level:?}");
            assert_eq!(string(b"a\n\"", 0), None, "{level:?}");
            assert_eq!(string(b"open", 0), None, "{level:?}");
            let long = [vec![b'\\'; 129], b"\"x\"".to_vec()].concat();
            assert_eq!(string(&long, 0), Some(131), "{level:?}");
        }
    }

    #[test]
    fn containers_end_at_their_closer_whatever_their_strings_hold() {
        for level in Level::all() {
            let container = Skips::new(level).container;
            assert_eq!(container(br#""}":[1,{"a":"]"}]} rest"#, 0), Some(18), "{level:?}");
            assert_eq!(container(b"[[[", 0), None, "{level:?}");
            assert_eq!(container(b"\n}", 0), None, "{level:?}");
            let deep = [vec![b'['; 100_000], vec![b']'; 100_001]].concat();
            assert_eq!(container(&deep, 0), Some(200_001), "{level:?}");
        }
    }

    #[test]
    fn every_length_and_alignment_agrees_with_the_scalar_level() {
        let pattern = br#"{"a\\":["b\"",{}],"c":"\\\\"}"#;
        let text: Vec<u8> = pattern.iter().cycle().take(600).copied().collect();
        for start in 0..64 {
            for length in 0..=512 {
                let answers = all_levels(&text[start..start + length], 0);
                assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "start {start}, length {length}");
            }
        }
    }

    /// Memory that ends where no more is: a map that is longer than its file ends
    /// the process with a signal when somebody reads behind the file.
    #[cfg(unix)]
    fn before_nothing() -> (memmap2::MmapMut, usize) {
        // No system has larger pages.
        const LENGTH: usize = 64 << 10;
        let file = tempfile::tempfile().expect("a temporary file");
        file.set_len(LENGTH as u64).expect("a length");
        // SAFETY: nobody else knows the file, so it keeps its length; the tests
        // use only the part of the map that it covers.
        #[expect(unsafe_code, reason = "memory maps cannot be made safe portably")]
        let map = unsafe { memmap2::MmapOptions::new().len(2 * LENGTH).map_copy(&file) }.expect("a map");
        (map, LENGTH)
    }

    #[test]
    #[cfg(unix)]
    fn nothing_behind_the_input_is_read() {
        let (mut memory, end) = before_nothing();
        for text in [&br#"{"a\\":["b\"",{}],"c":"\\\\"}"#[..], b"no stop at all", b"\\"] {
            for length in 0..=512 {
                let place = end - length..end;
                memory[place.clone()].iter_mut().zip(text.iter().cycle()).for_each(|(byte, new)| *byte = *new);
                for at in (0..=length.min(64)).chain([length]) {
                    let answers = all_levels(&memory[place.clone()], at);
                    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "from {at} of {length}");
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn levels_agree_on_noise(bytes in proptest::collection::vec(
            prop_oneof![4 => Just(b'\\'), 4 => Just(b'"'), 2 => Just(b'{'), 2 => Just(b']'), 2 => Just(b'}'), 1 => Just(b'\n'), 30 => any::<u8>()],
            0..400), at in 0_usize..400) {
            let answers = all_levels(&bytes, at.min(bytes.len()));
            prop_assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
        }
    }
}
