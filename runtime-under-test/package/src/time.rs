//! Times as the contract writes them: RFC 3339 in UTC with the suffix `Z` (README.md 1.4).

use jiff::Timestamp;

use crate::identity::Malformed;

/// Reads `YYYY-MM-DDTHH:MM:SS`, at most nine digits of fraction, and `Z`. [`Timestamp`]'s own `Display` writes this form.
///
/// # Errors
/// If the text is of another form, in another time zone, or names no instant.
pub fn parse_time(text: &str) -> Result<Timestamp, Malformed> {
    const WRONG: Malformed = Malformed("an RFC 3339 time in UTC with the suffix `Z`");
    let local = text.strip_suffix('Z').ok_or(WRONG)?;
    let (seconds, fraction) = match local.split_once('.') {
        Some((seconds, fraction)) => (seconds, Some(fraction)),
        None => (local, None),
    };
    let is_digit = |byte: u8| byte.is_ascii_digit();
    let right_seconds = seconds.len() == FORM.len()
        && seconds.bytes().zip(FORM.bytes()).all(
            |(byte, form)| {
                if form == b'0' { is_digit(byte) } else { byte == form }
            },
        );
    let right_fraction = fraction.is_none_or(|digits| (1..=9).contains(&digits.len()) && digits.bytes().all(is_digit));
    if !(right_seconds && right_fraction) {
        return Err(WRONG);
    }
    match text.parse() {
        // The last hours of the year 9999 are times of RFC 3339 and beyond what a `Timestamp` holds: its end stands for them.
        Err(_) if LAST_DAYS.iter().any(|day| is_on(text, day)) => Ok(Timestamp::MAX),
        parsed => parsed.map_err(|_| WRONG),
    }
}

/// The days on which a [`Timestamp`] ends before the day does, or does not begin.
const LAST_DAYS: [&str; 2] = ["9999-12-30", "9999-12-31"];

/// Whether a text of the right form names a time of this day. Any other day has the same times.
fn is_on(text: &str, day: &str) -> bool {
    let time = text.strip_prefix(day);
    time.is_some_and(|time| format!("2026-01-01{time}").parse::<Timestamp>().is_ok())
}

/// `0` stands for any digit, everything else for itself.
const FORM: &str = "0000-00-00T00:00:00";

#[cfg(test)]
mod tests {
    use super::parse_time;

    #[test]
    fn reads_utc_to_the_nanosecond() {
        let time = parse_time("2026-01-01T00:00:00.000000001Z").expect("right");
        assert_eq!(time.as_nanosecond(), 1_767_225_600_000_000_001);
        assert_eq!(time.to_string(), "2026-01-01T00:00:00.000000001Z");
        assert!(parse_time("2024-02-29T23:59:59Z").is_ok());
    }

    #[test]
    fn the_end_of_the_last_year_is_a_time() {
        assert_eq!(parse_time("9999-12-31T23:59:59Z"), Ok(jiff::Timestamp::MAX));
        assert_eq!(parse_time("9999-12-30T22:00:01Z"), Ok(jiff::Timestamp::MAX));
        assert!(parse_time("9999-12-31T24:00:00Z").is_err());
        assert!(parse_time("9999-12-32T00:00:00Z").is_err());
    }

    #[test]
    fn refuses_every_other_form() {
        for wrong in [
            "",
            "Z",
            "2026-01-01",
            "2026-01-01T00:00Z",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:00+00:00",
            "2026-01-01t00:00:00Z",
            "2026-01-01T00:00:00z",
            "2026-01-01 00:00:00Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00.0000000001Z",
            "2026-01-01T00:00:00,5Z",
            "2026-13-01T00:00:00Z",
            "2025-02-29T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "+002026-01-01T00:00:00Z",
            "2026-01-01T00:00:00Z[UTC]",
        ] {
            assert!(parse_time(wrong).is_err(), "{wrong}");
        }
    }
}
