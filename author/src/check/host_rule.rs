//! Rules for hosts (egress.md, section 1).

/// What stands in a rule that is none.
///
/// # Errors
/// Why it cannot be right, as the end of a sentence.
pub(super) fn judge(text: &str) -> Result<(), &'static str> {
    if text.contains(|one: char| one.is_whitespace() || one.is_control()) {
        return Err("it has white space or a control character");
    }
    let rest = text.strip_prefix("https://").ok_or("it does not begin with `https://`")?;
    if rest.contains(['/', '?', '#', '@', '\\']) {
        return Err("it has more than a host and a port; a `/` at the end is more, too");
    }
    if rest.contains(['[', ']']) {
        return Err("an address is no host");
    }
    let (host, port) = rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port)));
    if port.is_some_and(|port| !is_port(port)) {
        return Err("its port is not a number from 1 to 65535 without leading zeros");
    }
    let (host, below) = host.strip_prefix("*.").map_or((host, false), |host| (host, true));
    if host.contains('*') {
        return Err("`*` can only be the whole first label");
    }
    if host.split('.').any(str::is_empty) {
        return Err("its host has an empty label");
    }
    match url::Host::parse(host) {
        Ok(url::Host::Domain(_)) => {}
        Ok(_) => return Err("an address is no host"),
        Err(_) => return Err("its host is no domain name"),
    }
    let host = idna::domain_to_ascii_strict(host).map_err(|_| "its host is no domain name")?;
    if !host.contains('.') {
        return Err("its host has one label only");
    }
    if host == "localhost" || host.ends_with(".localhost") {
        return Err("`localhost` is no host that a handler may reach");
    }
    let suffix = psl::suffix(host.as_bytes()).filter(|suffix| suffix.typ() == Some(psl::Type::Icann));
    if below && suffix.is_some_and(|suffix| suffix.as_bytes() == host.as_bytes()) {
        return Err("everything below a public suffix belongs to too many");
    }
    Ok(())
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0') && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::judge;

    #[test]
    fn hosts_ports_and_wildcards_are_rules() {
        for text in
            ["https://api.example.com", "https://*.example.com:8443", "https://b\u{fc}cher.example", "https://co.uk"]
        {
            assert_eq!(judge(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_right_says_why() {
        for (text, why) in [
            ("http://a.example.com", "begin with"),
            ("https://a.example.com/", "more than a host"),
            ("https://u@a.example.com", "more than a host"),
            ("https://a.example.com:0443", "port"),
            ("https://a.example.com:", "port"),
            ("https://a.*.example.com", "first label"),
            ("https://a..example.com", "empty label"),
            ("https://127.1", "address"),
            ("https://[::1]", "address"),
            ("https://example", "one label"),
            ("https://a.localhost", "localhost"),
            ("https://*.co.uk", "public suffix"),
            ("https://a_b.example.com", "no domain name"),
            (" https://a.example.com", "white space"),
        ] {
            assert!(judge(text).is_err_and(|said| said.contains(why)), "{text}: {:?}", judge(text));
        }
    }
}
