//! Numbers as people read them.

use crate::prices::PICODOLLARS;

/// A number with commas between thousands.
pub fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A number of things: `1 file`, `1,234 files`.
pub fn counted(number: u64, one: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {one}{ending}", grouped(number.into()))
}

/// Dollars and cents, to the nearest cent.
pub fn money(picodollars: u128) -> String {
    const CENT: u128 = PICODOLLARS / 100;
    let cents = (picodollars + CENT / 2) / CENT;
    format!("${}.{:02}", grouped(cents / 100), cents % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_counted_as_people_write_them() {
        assert_eq!([0, 7, 999, 1_000, 1_234_567].map(grouped), ["0", "7", "999", "1,000", "1,234,567"]);
        assert_eq!([0, 1, 2, 1_000].map(|number| counted(number, "file")), ["0 files", "1 file", "2 files", "1,000 files"]);
        assert_eq!([0, PICODOLLARS / 200, 1_234 * PICODOLLARS].map(money), ["$0.00", "$0.01", "$1,234.00"]);
    }
}
