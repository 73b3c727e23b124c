//! Kubernetes resource quantities: `100m`, `1.5Gi`, `1e3`, `2`.
//!
//! The grammar is that of k8s.io/apimachinery/pkg/api/resource: a signed decimal number followed
//! by a binary suffix (Ki…Ei), a decimal suffix (n u m k M G T P E) or a decimal exponent.

use std::cmp::Ordering;

use crate::manifest::View;

/// A quantity in thousandths of a billionth (10⁻⁹), enough for every suffix Kubernetes knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity(i128);

const NANO: i128 = 1_000_000_000;

impl Quantity {
    /// Parses a quantity; `None` when Kubernetes would refuse it too, or when it is beyond 10²⁷.
    pub fn parse(text: &str) -> Option<Quantity> {
        let (negative, rest) = match text.as_bytes().first()? {
            b'-' => (true, text.get(1..)?),
            b'+' => (false, text.get(1..)?),
            _ => (false, text),
        };
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (number, suffix) = rest.split_at(digits);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return None;
        }
        let mantissa: i128 = match fraction {
            "" => whole.parse().ok()?,
            _ => format!("{whole}{fraction}").parse().ok()?,
        };
        let scaled = mantissa.checked_mul(scale(suffix)?)?;
        let value = div_ceil(
            scaled,
            10i128.checked_pow(u32::try_from(fraction.len()).ok()?)?,
        );
        Some(Quantity(if negative { -value } else { value }))
    }

    /// A quantity as it stands in a manifest: a string or a plain number.
    pub fn read(view: View<'_>) -> Option<Quantity> {
        match view.as_str() {
            Some(text) => Quantity::parse(&text),
            None => Quantity::parse(&view.as_number()?.to_string()),
        }
    }

    /// Compares two quantities by value.
    pub fn order(self, other: Quantity) -> Ordering {
        self.0.cmp(&other.0)
    }
}

/// What one unit of the suffix is worth in 10⁻⁹.
fn scale(suffix: &str) -> Option<i128> {
    let binary = |power: u32| Some(NANO << (10 * power));
    match suffix {
        "" => Some(NANO),
        "n" => Some(1),
        "u" => Some(1_000),
        "m" => Some(1_000_000),
        "k" => Some(NANO * 1_000),
        "M" => Some(NANO * 1_000_000),
        "G" => Some(NANO * 1_000_000_000),
        "T" => Some(NANO * 1_000_000_000_000),
        "P" => Some(NANO * 1_000_000_000_000_000),
        "E" => Some(NANO * 1_000_000_000_000_000_000),
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        _ => exponent(suffix),
    }
}

/// `e3`, `E-2`: a decimal exponent from -9 to 18.
fn exponent(suffix: &str) -> Option<i128> {
    let digits = suffix.strip_prefix(['e', 'E'])?;
    let power: i32 = digits.parse().ok()?;
    10i128
        .checked_pow(u32::try_from(power.checked_add(9)?).ok()?)
        .filter(|_| power <= 18)
}

/// Division that rounds away from zero, as Kubernetes rounds what it cannot represent.
fn div_ceil(value: i128, by: i128) -> i128 {
    value / by + i128::from(value % by != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn q(text: &str) -> Quantity {
        Quantity::parse(text).unwrap()
    }

    #[test]
    fn equal_amounts_compare_equal_however_written() {
        for (a, b) in [
            ("1", "1000m"),
            ("0.5", "500m"),
            (".5", "500m"),
            ("1.", "1"),
            ("1Ki", "1024"),
            ("1.5Gi", "1536Mi"),
            ("1k", "1e3"),
            ("1E3", "1000"),
            ("1e-3", "1m"),
            ("100n", "0.1u"),
            ("+2", "2"),
            ("2E", "2e18"),
        ] {
            assert_eq!(q(a), q(b), "{a} = {b}");
        }
    }

    #[test]
    fn amounts_are_ordered_by_value() {
        for (small, large) in [
            ("500m", "1"),
            ("1G", "1Gi"),
            ("-1", "0"),
            ("999Mi", "1Gi"),
            ("1e2", "1k"),
        ] {
            assert!(q(small) < q(large), "{small} < {large}");
        }
    }

    #[test]
    fn what_kubernetes_refuses_is_refused() {
        for text in [
            "", "m", "1 Gi", "1gi", "1KB", "0x10", "1_000", "1.2.3", "1e", "--1", "NaN", "1Mi2",
            ".",
        ] {
            assert_eq!(Quantity::parse(text), None, "{text:?}");
        }
    }
}
