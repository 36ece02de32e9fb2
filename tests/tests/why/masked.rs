//! Texts without what differs from run to run: ids, times, spans of time, how often something was
//! tried, and where lines are broken.

/// The text with a word in place of each of these.
pub fn masked(text: &str) -> String {
    let words: Vec<String> = text.split_whitespace().filter_map(word).collect();
    let mut out: Vec<String> = Vec::new();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let next = words.get(at + 1).map(String::as_str);
        at += 1;
        if let Some(span) = next.and_then(|unit| span(word, unit)) {
            at += 1;
            match out.last_mut().filter(|last| last.ends_with("SPAN")) {
                Some(last) => last.push_str(span.split_once("SPAN").map_or("", |(_, rest)| rest)),
                None => out.push(span),
            }
            continue;
        }
        if word == "uid" && follows_operator(&out) {
            continue;
        }
        match follows_operator(&out) {
            true => out.push(format!("NAME{}", after_name(word))),
            false => out.push(word.clone()),
        }
    }
    let text = out.join(" ");
    let text = beginning(&tried(&text));
    text.replace("TIME (in SPAN)", "TIME (now)")
}

/// Whether the name of an operator comes next: that of the user who runs the tests, or `uid` and a number.
fn follows_operator(before: &[String]) -> bool {
    matches!(before, [.., the, operator] if (&**the, &**operator) == ("the", "operator"))
}

fn after_name(word: &str) -> &str {
    word.trim_start_matches(|c: char| c.is_alphanumeric() || c == '-' || c == '_')
}

/// A word with ids and times masked; none for a date.
fn word(word: &str) -> Option<String> {
    let is_date = word.len() == 10
        && word.char_indices().all(|(at, c)| match at {
            4 | 7 => c == '-',
            _ => c.is_ascii_digit(),
        });
    if is_date {
        return None;
    }
    let mut out = String::new();
    let mut run = String::new();
    for c in word.chars() {
        if c.is_ascii_hexdigit() || c == '-' || c == ':' {
            run.push(c);
            continue;
        }
        out.push_str(&known(&run));
        run.clear();
        out.push(c);
    }
    out.push_str(&known(&run));
    Some(out)
}

/// What a run of digits, hyphens and colons is.
fn known(run: &str) -> String {
    let (core, rest) = match run.trim_end_matches(':') {
        core if core.len() < run.len() => (core, &run[core.len()..]),
        _ => (run, ""),
    };
    let digits = core.chars().filter(char::is_ascii_digit).count();
    let has = |c: char| core.chars().filter(|other| *other == c).count();
    let masked = match core.len() {
        36 if has('-') == 4 => "ID",
        8 if has(':') == 2 && digits == 6 => "TIME",
        8 if has('-') + has(':') == 0 => "SHORT",
        7.. if digits == core.len() => "NUMBER",
        _ => core,
    };
    format!("{masked}{rest}")
}

/// A number and its unit, with what is around them.
fn span(number: &str, unit: &str) -> Option<String> {
    let digits = number.trim_start_matches('(');
    let lead = &number[..number.len() - digits.len()];
    let is_number = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit() || c == '.');
    let name = unit.trim_end_matches([')', '.', ',', ';', ':']);
    let is_unit = ["s", "ms", "min", "h", "days"].contains(&name);
    (is_number && is_unit).then(|| format!("{lead}SPAN{}", &unit[name.len()..]))
}

/// What ids begin with.
fn beginning(text: &str) -> String {
    match text.split_once("begin with ") {
        Some((before, after)) => {
            let rest = after.trim_start_matches(|c: char| c.is_ascii_hexdigit());
            format!("{before}begin with DIGITS{rest}")
        }
        None => text.to_owned(),
    }
}

/// How often something was tried.
fn tried(text: &str) -> String {
    let mut out = text.replace("tried once", "tried AGAIN");
    let Some((before, after)) = out.split_once("It was tried ") else {
        return out;
    };
    if let Some((count, rest)) = after.split_once(" times")
        && count.chars().all(|c| c.is_ascii_digit())
    {
        out = format!("{before}It was tried AGAIN{rest}");
    }
    out.replace("it is being tried now", "the next try is at TIME (in SPAN)")
}

#[test]
fn what_differs_is_masked() {
    let text = "It waits since 2026-11-28 03:12:07 (2 h 10 min): process\n  \
                0c4b8a0e-1111-8222-9333-444455556666_0_1~3, `bureaucrat cancel cbbdbdac`; attempt 2 of 5, letter 1048577.";
    assert_eq!(
        masked(text),
        "It waits since TIME (SPAN): process ID_0_1~3, `bureaucrat cancel SHORT`; attempt 2 of 5, letter NUMBER."
    );
    let by = "It was cancelled by the operator ada: why. It waits for an operator tonight.";
    assert_eq!(masked(by), masked(&by.replace("ada", "uid 1001")));
    assert_ne!(masked(by), masked(&by.replace("why", "what")));
    let tried = "It was tried 4 times; the next try is at 03:12:07 (in 1.2 s).";
    assert_eq!(
        masked(tried),
        masked("It was tried once; it is being tried now.")
    );
    assert_ne!(
        masked("1 consumer, no messages"),
        masked("2 consumers, no messages")
    );
}
