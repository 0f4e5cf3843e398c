//! Names, each kept once and known by a small number.

use std::borrow::Cow;

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

/// A name in a [`Symbols`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Symbol(u32);

impl Symbol {
    /// The empty name: nothing stands there.
    pub(crate) const NONE: Symbol = Symbol(0);

    /// The symbol with an index.
    #[cfg(feature = "frames")]
    pub(crate) fn at(index: usize) -> Symbol {
        Symbol(index as u32)
    }

    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }

    pub(crate) fn is_none(self) -> bool {
        self == Symbol::NONE
    }

    pub(crate) fn or(self, other: Symbol) -> Symbol {
        if self.is_none() { other } else { self }
    }
}

/// A set of names in one stretch of memory.
#[derive(Clone, Debug)]
pub(crate) struct Symbols {
    bytes: Vec<u8>,
    /// Where each name ends; it starts where the one before it ends.
    ends: Vec<usize>,
    table: HashTable<u32>,
}

impl Default for Symbols {
    fn default() -> Self {
        // The empty name is there from the start, and has no need of the table.
        Symbols { bytes: Vec::new(), ends: vec![0], table: HashTable::new() }
    }
}

impl Symbols {
    /// The symbol of a name, new or known.
    pub(crate) fn intern(&mut self, name: &[u8]) -> Symbol {
        if name.is_empty() {
            return Symbol::NONE;
        }
        if let Some(known) = self.find(name) {
            return known;
        }
        let Symbols { bytes, ends, table } = self;
        let id = u32::try_from(ends.len()).expect("four billion names do not fit in memory");
        bytes.extend_from_slice(name);
        ends.push(bytes.len());
        table.insert_unique(xxh3_64(name), id, |id| xxh3_64(slice(bytes, ends, *id)));
        Symbol(id)
    }

    /// The symbol of a name that is known.
    pub(crate) fn find(&self, name: &[u8]) -> Option<Symbol> {
        let equal = |id: &u32| slice(&self.bytes, &self.ends, *id) == name;
        self.table.find(xxh3_64(name), equal).map(|id| Symbol(*id))
    }

    /// The bytes of a name.
    pub(crate) fn bytes(&self, symbol: Symbol) -> &[u8] {
        slice(&self.bytes, &self.ends, symbol.0)
    }

    /// A name, with U+FFFD for what is not Unicode.
    pub(crate) fn name(&self, symbol: Symbol) -> Cow<'_, str> {
        let bytes = self.bytes(symbol);
        // Most names are UTF-8. `from_utf8` sees that sooner than `from_utf8_lossy`, which looks for
        // the place where one breaks.
        std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Every symbol, in the order of its making.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Symbol> + use<> {
        (0..self.ends.len() as u32).map(Symbol)
    }

    /// Adds all names of another set, and drops that set: names need much memory. Gives the new
    /// symbols by their old index.
    pub(crate) fn absorb(&mut self, other: Symbols) -> Vec<Symbol> {
        other.iter().map(|symbol| self.intern(other.bytes(symbol))).collect()
    }
}

fn slice<'b>(bytes: &'b [u8], ends: &[usize], id: u32) -> &'b [u8] {
    let id = id as usize;
    let start = id.checked_sub(1).map_or(0, |before| ends[before]);
    &bytes[start..ends[id]]
}
