//! Where boxes of a picture may lead.

/// Whether a picture may link to an address: one of `http`, `https` or a file, or one without a scheme. Others can
/// have a browser run something.
pub fn is_safe_link(address: &str) -> bool {
    let before = address.split(['/', '?', '#']).next().unwrap_or_default();
    let scheme = before.split_once(':').map(|(scheme, _)| scheme);
    let is_known = |scheme: &str| {
        let mut known = ["http", "https", "file"].into_iter();
        known.any(|known| scheme.eq_ignore_ascii_case(known))
    };
    // Browsers leave out what can't be seen before they look for a scheme.
    let is_plain = !address.starts_with(' ') && !address.chars().any(char::is_control);
    is_plain && scheme.is_none_or(is_known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_run_nothing() {
        for (address, is_safe) in [
            ("order.xml#L{line}", true),
            ("/definitions/a?line={line}#{path}", true),
            ("https://host.example/{path}", true),
            ("HTTP://host.example/a:b", true),
            ("file:///srv/order.xml", true),
            ("./a:b", true),
            ("javascript:alert(1)", false),
            ("JavaScript:alert({line})", false),
            (" javascript:alert(1)", false),
            ("java\tscript:alert(1)", false),
            ("\u{1}javascript:alert(1)", false),
            ("data:text/html,<script>", false),
            ("vbscript:x", false),
            ("{path}:alert(1)", false),
        ] {
            assert_eq!(is_safe_link(address), is_safe, "{address:?}");
        }
    }
}
