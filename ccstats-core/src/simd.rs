//! Finds the tokens of JSON text, 64 bytes at a time.
//!
//! Tokens are the bytes that give a line its shape: quotes that no backslash
//! escapes, brackets outside of strings, and newlines. All else is text, or
//! scalars that stand between tokens. For every block of 64 bytes one mask per
//! interesting byte is made; strings and escapes then follow from a few operations
//! on 64-bit numbers, as in "Parsing Gigabytes of JSON per Second" (Langdale and
//! Lemire, 2019). A raw newline ends every string: it cannot stand inside a line,
//! so one damaged string never swallows the next line.
//!
//! The scalar twin answers the same question byte by byte; tests compare it with
//! every other level on random input. Nothing here reads past the slice.

/// How many bytes are looked at in one go: they are still in the fastest cache
/// when their values are read.
pub(crate) const WINDOW: usize = 4096;

/// Where the tokens of a window stand in it. There is room for a whole vector
/// behind the last one.
pub(crate) type Offsets = [u16; WINDOW + 64];

/// Finds the tokens of a window of [`WINDOW`] bytes; the last one may be shorter.
/// Gives their number.
pub(crate) type Find = fn(&[u8], &mut State, &mut Offsets) -> usize;

/// What a window leaves to the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// A string goes on.
    in_string: bool,
    /// A backslash escapes the next byte.
    is_escaped: bool,
}

/// A set of instructions that a scan can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Byte by byte, on any processor.
    Scalar,
    /// Two vectors of 32 bytes (x86-64).
    Avx2,
    /// One vector of 64 bytes (x86-64, with VBMI2).
    Avx512,
}

impl Level {
    /// The best level of this processor.
    pub fn detect() -> Level {
        let mut levels = [Level::Avx512, Level::Avx2].into_iter();
        levels.find(|level| level.is_there()).unwrap_or(Level::Scalar)
    }

    /// Every level that this processor has, the slowest first.
    pub fn all() -> Vec<Level> {
        [Level::Scalar, Level::Avx2, Level::Avx512].into_iter().filter(|level| level.is_there()).collect()
    }

    #[cfg(target_arch = "x86_64")]
    fn is_there(self) -> bool {
        let has_bits = || {
            is_x86_feature_detected!("pclmulqdq")
                && is_x86_feature_detected!("popcnt")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("bmi2")
                && is_x86_feature_detected!("lzcnt")
        };
        match self {
            Level::Scalar => true,
            Level::Avx2 => has_bits() && is_x86_feature_detected!("avx2"),
            Level::Avx512 => has_bits() && is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vbmi2"),
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn is_there(self) -> bool {
        self == Level::Scalar
    }

    /// The function of this level, or the scalar one where the level is missing.
    pub(crate) fn find(self) -> Find {
        match self {
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 if self.is_there() => x86::AVX2,
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 if self.is_there() => x86::AVX512,
            _ => scalar::find::<false>,
        }
    }
}

/// For text with bytes that a crash left: a NUL byte between a backslash and what it escapes
/// counts for nothing.
pub(crate) const FIND_IN_DAMAGED: Find = scalar::find::<true>;

/// Tokens without vectors: the reference for the others.
mod scalar {
    use super::{Offsets, State};

    pub(super) fn find<const DROPS_NUL: bool>(window: &[u8], state: &mut State, offsets: &mut Offsets) -> usize {
        let (mut count, mut at) = (0, 0);
        while at < window.len() {
            if state.in_string && !state.is_escaped {
                let rest = &window[at..];
                at += memchr::memchr3(b'"', b'\\', b'\n', rest).unwrap_or(rest.len());
            }
            let Some(byte) = window.get(at) else { break };
            let is_dropped = DROPS_NUL && state.is_escaped && *byte == 0;
            if !is_dropped && is_token(*byte, state) {
                offsets[count] = at as u16;
                count += 1;
            }
            at += 1;
        }
        count
    }

    fn is_token(byte: u8, state: &mut State) -> bool {
        let is_escaped = std::mem::take(&mut state.is_escaped);
        match byte {
            b'\n' => state.in_string = false,
            b'\\' => {
                state.is_escaped = !is_escaped;
                return false;
            }
            b'"' if !is_escaped => state.in_string = !state.in_string,
            b'{' | b'[' | b'}' | b']' if !state.in_string => {}
            _ => return false,
        }
        true
    }
}

/// Tokens by masks of 64 bytes. `Block` makes the masks.
#[cfg(target_arch = "x86_64")]
mod masks {
    use super::{Offsets, State, WINDOW};

    /// 64 bytes in vector registers.
    pub(super) trait Block: Copy {
        fn load(bytes: &[u8; 64]) -> Self;
        /// Has the memory bring what comes after these bytes. A processor does
        /// so by itself, but begins anew at each page.
        fn prefetch(bytes: &[u8; 64]);
        /// One bit for each byte that equals `byte`.
        fn eq(self, byte: u8) -> u64;
        /// One bit for each bracket of any kind.
        fn brackets(self) -> u64;
        /// Bit `i` is the parity of bits `0..=i`.
        fn prefix_xor(mask: u64) -> u64;
        /// Writes the places of all set bits, `first` added to each, and something
        /// behind them.
        fn write(bits: u64, first: u16, offsets: &mut [u16; 64]);
    }

    #[inline(always)]
    pub(super) fn find<B: Block>(window: &[u8], state: &mut State, offsets: &mut Offsets) -> usize {
        let mut tokens = [0; WINDOW / 64];
        let mut inside = Inside { strings: if state.in_string { u64::MAX } else { 0 }, escaped: u64::from(state.is_escaped) };
        let (blocks, rest) = window.as_chunks();
        for (bytes, tokens) in blocks.iter().zip(&mut tokens) {
            B::prefetch(bytes);
            *tokens = inside.tokens(B::load(bytes));
        }
        if !rest.is_empty() {
            let mut padded = [0; 64];
            padded[..rest.len()].copy_from_slice(rest);
            tokens[blocks.len()] = inside.tokens(B::load(&padded));
        }
        *state = State { in_string: inside.strings != 0, is_escaped: inside.escaped != 0 };
        // In a loop of its own, so that no block waits for the number of tokens before it.
        let mut count = 0;
        for (block, tokens) in tokens[..window.len().div_ceil(64)].iter().enumerate() {
            let free = offsets[count..].first_chunk_mut().expect("a block has at most 64 tokens");
            B::write(*tokens, 64 * block as u16, free);
            count += tokens.count_ones() as usize;
        }
        count
    }

    /// What a block leaves to the next one, as masks.
    struct Inside {
        /// All ones within a string, else 0.
        strings: u64,
        /// 1 when the next byte is escaped.
        escaped: u64,
    }

    impl Inside {
        #[inline(always)]
        fn tokens<B: Block>(&mut self, block: B) -> u64 {
            let quotes = block.eq(b'"') & !self.escaped(block.eq(b'\\'));
            let newlines = block.eq(b'\n');
            let mut strings = B::prefix_xor(quotes) ^ self.strings;
            if strings & newlines != 0 {
                strings = end_at_newlines(strings, newlines);
            }
            self.strings = ((strings as i64) >> 63) as u64;
            quotes | newlines | block.brackets() & !strings
        }

        /// The positions that follow an odd run of backslashes.
        ///
        /// Adding a run to its first bit carries to the position behind it. Runs
        /// that start at an odd position are added; then the bits of all runs and
        /// what follows them tell even from odd lengths by their position alone.
        #[inline(always)]
        fn escaped(&mut self, backslashes: u64) -> u64 {
            /// Positions 0, 2, 4 … of a block.
            const EVEN: u64 = 0x5555_5555_5555_5555;
            let runs = backslashes & !self.escaped;
            let follows = runs << 1 | self.escaped;
            let odd_starts = runs & !EVEN & !follows;
            let (sums, carry) = odd_starts.overflowing_add(runs);
            self.escaped = u64::from(carry);
            (EVEN ^ sums << 1) & follows
        }
    }

    /// The insides of strings when newlines end them: behind such a newline all is
    /// the other way round.
    #[cold]
    fn end_at_newlines(mut strings: u64, mut newlines: u64) -> u64 {
        while newlines != 0 {
            let newline = newlines & newlines.wrapping_neg();
            if strings & newline != 0 {
                strings ^= newline.wrapping_neg();
            }
            newlines &= newlines - 1;
        }
        strings
    }
}

/// The vector levels of x86-64.
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "vector instructions need a processor that has them")]
mod x86 {
    use std::arch::x86_64::*;

    use super::masks::{self, Block};
    use super::{Find, Offsets, State};

    // SAFETY: `Level::find` hands this out only where `Level::is_there` has seen
    // AVX2 and all the bit instructions on this processor.
    pub(super) const AVX2: Find = |window, state, offsets| unsafe { find_avx2(window, state, offsets) };

    // SAFETY: `Level::find` hands this out only where `Level::is_there` has seen
    // AVX-512BW, VBMI2 and all the bit instructions on this processor.
    pub(super) const AVX512: Find = |window, state, offsets| unsafe { find_avx512(window, state, offsets) };

    #[target_feature(enable = "avx2,pclmulqdq,popcnt,bmi1,bmi2,lzcnt")]
    fn find_avx2(window: &[u8], state: &mut State, offsets: &mut Offsets) -> usize {
        masks::find::<Avx2>(window, state, offsets)
    }

    #[target_feature(enable = "avx512bw,avx512vbmi2,pclmulqdq,popcnt,bmi1,bmi2,lzcnt")]
    fn find_avx512(window: &[u8], state: &mut State, offsets: &mut Offsets) -> usize {
        masks::find::<Avx512>(window, state, offsets)
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
        fn prefetch(bytes: &[u8; 64]) {
            prefetch(bytes);
        }

        #[inline(always)]
        fn eq(self, byte: u8) -> u64 {
            // SAFETY: no memory is touched; see `Avx2`.
            unsafe {
                let wanted = _mm256_set1_epi8(byte as i8);
                Avx2(_mm256_cmpeq_epi8(self.0, wanted), _mm256_cmpeq_epi8(self.1, wanted)).mask()
            }
        }

        #[inline(always)]
        fn brackets(self) -> u64 {
            // SAFETY: no memory is touched; see `Avx2`.
            unsafe {
                // With bit 0x20 `[` becomes `{` and `]` becomes `}`.
                let (bit, open, close) = (_mm256_set1_epi8(0x20), _mm256_set1_epi8(b'{' as i8), _mm256_set1_epi8(b'}' as i8));
                let (low, high) = (_mm256_or_si256(self.0, bit), _mm256_or_si256(self.1, bit));
                let low = _mm256_or_si256(_mm256_cmpeq_epi8(low, open), _mm256_cmpeq_epi8(low, close));
                let high = _mm256_or_si256(_mm256_cmpeq_epi8(high, open), _mm256_cmpeq_epi8(high, close));
                Avx2(low, high).mask()
            }
        }

        #[inline(always)]
        fn prefix_xor(mask: u64) -> u64 {
            // SAFETY: no memory is touched; see `Avx2`.
            unsafe { prefix_xor(mask) }
        }

        #[inline(always)]
        fn write(mut bits: u64, first: u16, offsets: &mut [u16; 64]) {
            let count = bits.count_ones() as usize;
            let mut write = |offsets: &mut [u16]| {
                for offset in offsets {
                    *offset = first.wrapping_add(bits.trailing_zeros() as u16);
                    bits &= bits.wrapping_sub(1);
                }
            };
            // In steps of a fixed length: most blocks have few tokens, and a loop to
            // their number would be guessed wrong each time.
            let steps = [0..4, 4..8, 8..16, 16..32, 32..64];
            for step in steps {
                if count <= step.start {
                    break;
                }
                write(&mut offsets[step]);
            }
        }
    }

    impl Avx2 {
        /// The highest bit of each byte.
        #[inline(always)]
        fn mask(self) -> u64 {
            // SAFETY: no memory is touched; see `Avx2`.
            let (low, high) = unsafe { (_mm256_movemask_epi8(self.0) as u32, _mm256_movemask_epi8(self.1) as u32) };
            u64::from(high) << 32 | u64::from(low)
        }
    }

    /// Made and used only below functions that enable AVX-512BW, VBMI2 and PCLMULQDQ.
    #[derive(Clone, Copy)]
    struct Avx512(__m512i);

    impl Block for Avx512 {
        #[inline(always)]
        fn load(bytes: &[u8; 64]) -> Self {
            // SAFETY: the unaligned load reads exactly the 64 bytes; see `Avx512`.
            unsafe { Avx512(_mm512_loadu_si512(bytes.as_ptr().cast())) }
        }

        #[inline(always)]
        fn prefetch(bytes: &[u8; 64]) {
            prefetch(bytes);
        }

        #[inline(always)]
        fn eq(self, byte: u8) -> u64 {
            // SAFETY: no memory is touched; see `Avx512`.
            unsafe { _mm512_cmpeq_epi8_mask(self.0, _mm512_set1_epi8(byte as i8)) }
        }

        #[inline(always)]
        fn brackets(self) -> u64 {
            // SAFETY: no memory is touched; see `Avx512`.
            // With bit 0x20 `[` becomes `{` and `]` becomes `}`.
            let folded = unsafe { Avx512(_mm512_or_si512(self.0, _mm512_set1_epi8(0x20))) };
            folded.eq(b'{') | folded.eq(b'}')
        }

        #[inline(always)]
        fn prefix_xor(mask: u64) -> u64 {
            // SAFETY: no memory is touched; see `Avx512`.
            unsafe { prefix_xor(mask) }
        }

        #[inline(always)]
        fn write(bits: u64, first: u16, offsets: &mut [u16; 64]) {
            /// The places in a block.
            const PLACES: [u8; 64] = {
                let mut places = [0; 64];
                let mut place = 0;
                while place < 64 {
                    places[place] = place as u8;
                    place += 1;
                }
                places
            };
            let start: *mut u16 = offsets.as_mut_ptr();
            // SAFETY: the load reads the 64 places, and each store writes 32 numbers
            // into one half of `offsets`; see `Avx512`.
            unsafe {
                let first = _mm512_set1_epi16(first as i16);
                let places = _mm512_maskz_compress_epi8(bits, _mm512_loadu_si512(PLACES.as_ptr().cast()));
                let low = _mm512_cvtepu8_epi16(_mm512_castsi512_si256(places));
                _mm512_storeu_si512(start.cast(), _mm512_add_epi16(low, first));
                if bits.count_ones() > 32 {
                    let high = _mm512_cvtepu8_epi16(_mm512_extracti64x4_epi64::<1>(places));
                    _mm512_storeu_si512(start.add(32).cast(), _mm512_add_epi16(high, first));
                }
            }
        }
    }

    #[inline(always)]
    fn prefetch(bytes: &[u8; 64]) {
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

    /// The places of the tokens that a level finds.
    fn tokens(level: Level, bytes: &[u8]) -> Vec<usize> {
        let (find, mut state) = (level.find(), State::default());
        let mut offsets = [0; WINDOW + 64];
        let window = |(index, window): (usize, &[u8])| {
            let count = find(window, &mut state, &mut offsets);
            offsets[..count].iter().map(|offset| index * WINDOW + usize::from(*offset)).collect::<Vec<_>>()
        };
        bytes.chunks(WINDOW).enumerate().flat_map(window).collect()
    }

    /// What every level finds, in the order of the levels.
    fn all_levels(bytes: &[u8]) -> Vec<Vec<usize>> {
        Level::all().into_iter().map(|level| tokens(level, bytes)).collect()
    }

    fn assert_levels_agree(bytes: &[u8]) {
        let found = all_levels(bytes);
        assert!(found.windows(2).all(|pair| pair[0] == pair[1]), "{found:?} in {:?}", bytes.escape_ascii().to_string());
    }

    #[test]
    fn tokens_are_quotes_brackets_outside_of_strings_and_newlines() {
        for level in Level::all() {
            let found = |text: &[u8]| tokens(level, text).into_iter().map(|at| text[at] as char).collect::<String>();
            assert_eq!(found(br#"{"a":[1,"{\\"],"b\"":"]"}"#), r#"{""[""]""""}"#, "{level:?}");
            assert_eq!(found(b"{\"a\n\"b\"}\n"), "{\"\n\"\"}\n", "{level:?}");
            assert_eq!(found(br#"\"{\{"#), "{{", "{level:?}");
            let long = [b"\"".to_vec(), vec![b'\\'; 129], br#""[x""#.to_vec()].concat();
            assert_eq!(tokens(level, &long), [0, 133], "{level:?}");
        }
    }

    #[test]
    fn every_length_and_alignment_agrees_with_the_scalar_level() {
        let pattern = br#"{"a\\":["b\"",{}],"c":"\\\\"}"#;
        let text: Vec<u8> = pattern.iter().cycle().take(600).copied().collect();
        for start in 0..64 {
            for length in 0..=512 {
                assert_levels_agree(&text[start..start + length]);
            }
        }
    }

    #[test]
    fn a_state_goes_from_window_to_window() {
        for text in [&br#""a\\":["b\"",{}],"#[..], b"\\", b"\"", b"{", b"\"\n"] {
            for length in WINDOW - 3..WINDOW + 70 {
                let bytes: Vec<u8> = text.iter().cycle().take(length).copied().collect();
                assert_levels_agree(&bytes);
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
                assert_levels_agree(&memory[place]);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn levels_agree_on_noise(bytes in proptest::collection::vec(
            prop_oneof![4 => Just(b'\\'), 4 => Just(b'"'), 2 => Just(b'{'), 2 => Just(b']'), 2 => Just(b'}'), 1 => Just(b'\n'), 30 => any::<u8>()],
            0..400)) {
            assert_levels_agree(&bytes);
        }
    }
}
