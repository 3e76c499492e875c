//! Base64 and times, decoded by hand, so that no library is on both sides.

/// What a text is in base64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decoded {
    /// These bytes.
    Right(Vec<u8>),
    /// These bytes, and bits after the last one, about which RFC 4648 leaves the decoder its choice.
    Loose(Vec<u8>),
    /// Nothing.
    Wrong,
}

/// Decodes RFC 4648, section 4 or 5, never both in one text, padded.
pub(super) fn base64(text: &str) -> Decoded {
    let bytes = text.as_bytes();
    let padding = bytes.iter().rev().take_while(|byte| **byte == b'=').count();
    let letters = &bytes[..bytes.len() - padding];
    let mixed = letters.iter().any(|byte| b"+/".contains(byte)) && letters.iter().any(|byte| b"-_".contains(byte));
    if !bytes.len().is_multiple_of(4) || padding > 2 || mixed {
        return Decoded::Wrong;
    }
    let mut decoded = Vec::new();
    let (mut held, mut count) = (0_u32, 0);
    for letter in letters {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return Decoded::Wrong,
        };
        held = (held << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            decoded.extend((held >> count).to_be_bytes().last());
            held &= (1 << count) - 1;
        }
    }
    if held == 0 { Decoded::Right(decoded) } else { Decoded::Loose(decoded) }
}

/// An RFC 3339 time in UTC with the suffix `Z` and at most nine digits of fraction (README.md 1.4): nanoseconds since 1970,
/// and whether it is a leap second.
pub(super) fn instant(text: &str) -> Option<(i128, bool)> {
    let local = text.strip_suffix('Z')?;
    let (whole, fraction) = local.split_once('.').map_or((local, None), |(whole, fraction)| (whole, Some(fraction)));
    let shape: String = whole.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect();
    (shape == "0000-00-00T00:00:00").then_some(())?;
    let part = |from: usize, to: usize| whole[from..to].parse::<i128>().ok();
    let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    let (hour, minute, second) = (part(11, 13)?, part(14, 16)?, part(17, 19)?);
    let leap_year = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [31, if leap_year { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let month_index = usize::try_from(month).ok()?.checked_sub(1)?;
    let right = (1..=*lengths.get(month_index)?).contains(&day) && hour < 24 && minute < 60 && second <= 60;
    right.then_some(())?;
    let nanoseconds = match fraction {
        None => 0,
        Some(digits) if (1..=9).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("{digits:0<9}").parse::<i128>().ok()?
        }
        Some(_) => return None,
    };
    let before = |year: i128| year * 365 + (year + 3) / 4 - (year + 99) / 100 + (year + 399) / 400;
    let days = before(year) - before(1970) + lengths[..month_index].iter().sum::<i128>() + day - 1;
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    Some((seconds * 1_000_000_000 + nanoseconds, second == 60))
}

#[cfg(test)]
mod tests {
    use super::{Decoded, base64, instant};

    #[test]
    fn times_are_counted_from_1970() {
        assert_eq!(instant("1970-01-01T00:00:00Z"), Some((0, false)));
        assert_eq!(instant("2026-01-01T00:00:00.000000001Z"), Some((1_767_225_600_000_000_001, false)));
        assert_eq!(instant("2000-03-01T00:00:00Z"), Some((951_868_800_000_000_000, false)));
        assert_eq!(instant("0000-01-01T00:00:00Z"), Some((-62_167_219_200_000_000_000, false)));
        for wrong in
            ["", "Z", "2025-02-29T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00.Z", "2026-01-01t00:00:00Z"]
        {
            assert_eq!(instant(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn both_alphabets_are_read_and_never_mixed() {
        assert_eq!(base64("+/8="), Decoded::Right(vec![0xfb, 0xff]));
        assert_eq!(base64("-_8="), Decoded::Right(vec![0xfb, 0xff]));
        assert_eq!(base64("+_8="), Decoded::Wrong);
        assert_eq!(base64("-_9="), Decoded::Loose(vec![0xfb, 0xff]));
        assert_eq!(base64("-_8"), Decoded::Wrong);
        assert_eq!(base64("=-_8"), Decoded::Wrong);
        assert_eq!(base64("A==="), Decoded::Wrong);
    }
}
