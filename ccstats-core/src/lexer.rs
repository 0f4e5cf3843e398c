//! The tokens of a text, one after another, and where they stand.
//!
//! Tokens are found a window at a time, shortly before somebody asks for them: so
//! memory stays small whatever a line holds, and the text is still in the cache
//! when it is read.

use crate::simd::{Find, Offsets, State, WINDOW};

/// Goes over the tokens of some bytes, once and forwards.
pub(crate) struct Lexer<'t> {
    bytes: &'t [u8],
    find: Find,
    state: State,
    /// Where the window starts that `offsets` are about.
    window: usize,
    /// Where the next window starts.
    end: usize,
    offsets: Box<Offsets>,
    /// How many tokens the window has, and how many are past.
    count: usize,
    past: usize,
}

impl<'t> Lexer<'t> {
    /// The tokens of `bytes` from an index on, which is outside of strings.
    pub(crate) fn new(bytes: &'t [u8], start: usize, find: Find) -> Lexer<'t> {
        let offsets = Box::new([0; WINDOW + 64]);
        Lexer { bytes, find, state: State::default(), window: start, end: start, offsets, count: 0, past: 0 }
    }

    /// Goes over other bytes, as if new.
    pub(crate) fn restart(&mut self, bytes: &'t [u8], start: usize) {
        (self.bytes, self.state) = (bytes, State::default());
        (self.window, self.end, self.count, self.past) = (start, start, 0, 0);
    }

    /// The index of the next token; the length of the bytes when there is none.
    #[inline(always)]
    pub(crate) fn peek(&mut self) -> usize {
        if self.past >= self.count {
            self.fill();
        }
        self.window + usize::from(self.offsets[self.past])
    }

    /// Lets the next token be the one behind it. The end stays the end.
    #[inline(always)]
    pub(crate) fn pass(&mut self) {
        if self.past >= self.count {
            self.fill();
        }
        self.past += 1;
    }

    /// Passes two tokens, the ends of a string, and gives the index of the second.
    #[inline(always)]
    pub(crate) fn pass_pair(&mut self) -> usize {
        match self.offsets[..self.count].get(self.past + 1) {
            Some(offset) => {
                self.past += 2;
                self.window + usize::from(*offset)
            }
            None => self.pass_pair_of_windows(),
        }
    }

    #[cold]
    #[inline(never)]
    fn pass_pair_of_windows(&mut self) -> usize {
        self.pass();
        let second = self.peek();
        self.pass();
        second
    }

    /// Passes all tokens before an index.
    pub(crate) fn pass_before(&mut self, at: usize) {
        while self.peek() < at {
            self.pass();
        }
    }

    /// Finds the tokens of the next window that has any.
    #[cold]
    #[inline(never)]
    fn fill(&mut self) {
        (self.count, self.past) = (0, 0);
        while self.count == 0 {
            let rest = &self.bytes[self.end..];
            (self.window, self.end) = (self.end, self.end + rest.len().min(WINDOW));
            if rest.is_empty() {
                // The end, as often as somebody asks.
                (self.offsets[0], self.count) = (0, 1);
            } else {
                let window = &rest[..rest.len().min(WINDOW)];
                self.count = (self.find)(window, &mut self.state, &mut self.offsets);
            }
        }
    }
}
