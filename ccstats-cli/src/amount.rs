//! Dollars and shares of them, read as users write them.

/// Digits of a dollar that a picodollar keeps.
const DIGITS: usize = 12;

/// A budget of a trillion dollars is a slip of the hand.
const LONGEST: usize = 12;

/// `5`, `2.50` or `$10`, exactly, in picodollars.
pub(crate) fn picodollars(text: &str) -> Result<u128, String> {
    let expected = || format!("expected dollars, such as 5 or 2.50, found `{text}`");
    let number = text.strip_prefix('$').unwrap_or(text);
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let is_number = [whole, part].iter().all(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()));
    if !is_number || whole.len() + part.len() == 0 || whole.len() > LONGEST || part.len() > DIGITS {
        return Err(expected());
    }
    format!("{whole}{part:0<DIGITS$}").parse().map_err(|_| expected())
}

/// `80%` or `80`, from 1 to 100.
pub(crate) fn percent(text: &str) -> Result<u8, String> {
    let number = text.strip_suffix('%').unwrap_or(text).parse();
    let percent = number.ok().filter(|percent| (1..=100).contains(percent));
    percent.ok_or_else(|| format!("expected a share from 1% to 100%, found `{text}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_read_to_the_last_digit() {
        let right = [("5", 5_000_000_000_000), ("$2.50", 2_500_000_000_000), (".5", 500_000_000_000), ("0", 0), ("7.", 7_000_000_000_000)];
        for (text, wanted) in right {
            assert_eq!(picodollars(text), Ok(wanted), "{text}");
        }
        assert_eq!(picodollars("0.000000000001"), Ok(1));
        assert_eq!(picodollars("999999999999.999999999999"), Ok(999_999_999_999_999_999_999_999));
        for wrong in ["", ".", "$", "-1", "+1", "1e3", "1,5", "1 000", "five", "٣", "1.0000000000000", "1000000000000", "nan"] {
            let expected = format!("expected dollars, such as 5 or 2.50, found `{wrong}`");
            assert_eq!(picodollars(wrong), Err(expected));
        }
    }

    #[test]
    fn shares_are_percent() {
        assert_eq!([percent("80%"), percent("80"), percent("100%"), percent("1")], [Ok(80), Ok(80), Ok(100), Ok(1)]);
        for wrong in ["0", "101%", "0.8", "-1", "", "%", "256"] {
            assert_eq!(percent(wrong), Err(format!("expected a share from 1% to 100%, found `{wrong}`")));
        }
    }
}
