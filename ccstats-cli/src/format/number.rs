//! Numbers as people read them.

use ccstats_core::{Kind, PICODOLLARS, grouped, money};

/// A whole number of a kind.
pub(super) fn whole(kind: Kind, number: u128) -> String {
    match kind {
        Kind::Money => money(number),
        Kind::Duration => duration(number),
        _ => grouped(number),
    }
}

/// A whole number with its sign.
pub(super) fn net(number: i64) -> String {
    let sign = match number.signum() {
        1 => "+",
        0 => "",
        _ => "-",
    };
    format!("{sign}{}", grouped(number.unsigned_abs().into()))
}

/// The two largest units of a time.
fn duration(milliseconds: u128) -> String {
    let seconds = milliseconds / 1000;
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    match (hours, minutes) {
        (0, 0) => format!("{}.{}s", seconds, milliseconds % 1000 / 100),
        (0, _) => format!("{minutes}m {:02}s", seconds % 60),
        _ => format!("{}h {:02}m", grouped(hours), minutes % 60),
    }
}

/// Dollars as a plain number; exact where the digits of a double reach.
pub(crate) fn dollars(picodollars: u128) -> f64 {
    picodollars as f64 / PICODOLLARS as f64
}

/// A share in percent.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

/// Bytes in decimal units.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if count < 1000 {
        return format!("{count} B");
    }
    let mut size = count as f64;
    let mut unit = "B";
    for next in UNITS {
        if size < 1000.0 {
            break;
        }
        (size, unit) = (size / 1000.0, next);
    }
    format!("{size:.1} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([0, 999, 1000, 724_400_000, u64::MAX].map(bytes), ["0 B", "999 B", "1.0 kB", "724.4 MB", "18446.7 PB"]);
        assert_eq!([0, 1950, 61_000, 3_600_000 * 30].map(duration), ["0.0s", "1.9s", "1m 01s", "30h 00m"]);
        assert_eq!(percent(0.125), "12.5%");
    }
}
