//! A tolerant, bounded scan of a body: the members of its top-level object, as slices, and what is
//! wrong with it.
//!
//! It continues after what is merely not JSON (`NaN`, `Infinity`, lone surrogates, control
//! characters, invalid UTF-8, nesting beyond the limit), so that the header of such a body can
//! still be read. It stops where the structure is broken, with the members that were complete until
//! then. It takes one pass, and memory only for the open brackets. Code that parses the members
//! checks again whether they are exactly JSON.

use crate::{Unreadable, WireLimits};

/// The members of a body's top-level object.
#[derive(Debug, Default)]
pub(crate) struct Scan<'a> {
    /// Name (between its quotes, escapes unchanged) and value, in order.
    members: Vec<(&'a [u8], &'a [u8])>,
    /// The first defect.
    pub defect: Option<Unreadable>,
}

/// The most members of a top-level object; the dialects have up to four, events have more.
const MEMBERS_MAX: usize = 65_536;

impl<'a> Scan<'a> {
    pub fn of(body: &'a [u8], limits: &WireLimits) -> Self {
        let mut scan = Self {
            defect: whole(body, limits),
            ..Self::default()
        };
        let mut scanner = Scanner::new(body, limits);
        let structure = scanner.object(&mut scan.members);
        // What was noted on the way comes before the place where the structure broke.
        for defect in scanner.defect.into_iter().chain(structure.err()) {
            scan.defect.get_or_insert(defect);
        }
        scan
    }

    /// The names of all members, in order.
    pub fn names(&self) -> impl Iterator<Item = &'a [u8]> {
        self.members.iter().map(|(name, _)| *name)
    }

    /// The last member with a name. Names with escapes are not found; the dialects' names are plain
    /// ASCII, which nobody escapes.
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.members
            .iter()
            .rev()
            .find(|(found, _)| *found == name.as_bytes())
            .map(|(_, value)| *value)
    }
}

/// The first defect of a body that may hold any value.
pub(crate) fn defect(body: &[u8], limits: &WireLimits) -> Option<Unreadable> {
    let mut scanner = Scanner::new(body, limits);
    let structure = scanner.value().and_then(|()| scanner.end());
    whole(body, limits)
        .or(scanner.defect)
        .or_else(|| structure.err())
}

/// What is wrong with a body whatever it holds.
fn whole(body: &[u8], limits: &WireLimits) -> Option<Unreadable> {
    let limit = limits.body_bytes;
    match body.len() {
        bytes if bytes > limit => Some(Unreadable::TooLarge { bytes, limit }),
        _ if std::str::from_utf8(body).is_err() => Some(Unreadable::NotUtf8),
        _ => None,
    }
}

struct Scanner<'a> {
    body: &'a [u8],
    place: usize,
    depth_max: usize,
    defect: Option<Unreadable>,
}

impl<'a> Scanner<'a> {
    const fn new(body: &'a [u8], limits: &WireLimits) -> Self {
        Self {
            body,
            place: 0,
            depth_max: limits.depth,
            defect: None,
        }
    }

    fn object(&mut self, members: &mut Vec<(&'a [u8], &'a [u8])>) -> Result<(), Unreadable> {
        self.space();
        if self.peek() != Some(b'{') {
            // Only text that could be JSON at all is distinguished from other text.
            let found = match self.peek() {
                Some(b'[') => "a JSON list",
                Some(b'"') => "a JSON text",
                Some(b'-' | b'0'..=b'9') => "a number",
                Some(b't' | b'f') => "`true` or `false`",
                Some(b'n') => "`null`",
                Some(_) => return Err(self.wrong("it does not begin with `{`,")),
                None => return Err(self.wrong("it is empty,")),
            };
            return Err(Unreadable::NotObject { found });
        }
        self.place += 1;
        self.space();
        if self.peek() == Some(b'}') {
            self.place += 1;
            return self.end();
        }
        loop {
            self.space();
            let name = self.string()?;
            self.space();
            self.expect(b':', "no `:` after a name")?;
            self.space();
            let start = self.place;
            self.value()?;
            if members.len() == MEMBERS_MAX {
                return Err(self.wrong("too many members"));
            }
            members.push((name, &self.body[start..self.place]));
            self.space();
            match self.peek() {
                Some(b',') => self.place += 1,
                Some(b'}') => {
                    self.place += 1;
                    return self.end();
                }
                Some(_) | None => return Err(self.wrong("neither `,` nor `}` after a member")),
            }
        }
    }

    /// One value of any kind; brackets are matched without recursion.
    fn value(&mut self) -> Result<(), Unreadable> {
        let mut open = Vec::new();
        loop {
            self.space();
            match self.peek() {
                Some(b'"') => {
                    self.string()?;
                }
                Some(bracket @ (b'{' | b'[')) => {
                    self.place += 1;
                    open.push(bracket);
                    // The body's own object is the first level.
                    if open.len() + 1 > self.depth_max {
                        self.note(Unreadable::TooDeep {
                            limit: self.depth_max,
                        });
                    }
                    continue;
                }
                Some(b'}' | b']') if !open.is_empty() => {}
                Some(_) => self.scalar()?,
                None => return Err(self.wrong("the end")),
            }
            self.space();
            while let Some(bracket @ (b'}' | b']')) = self.peek() {
                let wanted = if bracket == b'}' { b'{' } else { b'[' };
                match open.last() {
                    Some(last) if *last == wanted => {
                        open.pop();
                        self.place += 1;
                        self.space();
                    }
                    Some(_) => return Err(self.wrong("a bracket that was not opened")),
                    None => return Ok(()),
                }
            }
            if open.is_empty() {
                return Ok(());
            }
            match self.peek() {
                Some(b',' | b':') => self.place += 1,
                Some(_) => return Err(self.wrong("no `,` between values")),
                None => return Err(self.wrong("the end")),
            }
        }
    }

    /// A string; returns the text between its quotes.
    fn string(&mut self) -> Result<&'a [u8], Unreadable> {
        self.expect(b'"', "no string")?;
        let start = self.place;
        loop {
            match self.peek() {
                Some(b'"') => {
                    let content = &self.body[start..self.place];
                    self.place += 1;
                    return Ok(content);
                }
                Some(b'\\') => self.escape(),
                Some(0..=0x1f) => {
                    let defect = self.wrong("a control character in a string");
                    self.note(defect);
                    self.place += 1;
                }
                Some(_) => self.place += 1,
                None => return Err(self.wrong("the end inside a string")),
            }
        }
    }

    /// An escape; surrogates must come in pairs.
    fn escape(&mut self) {
        match self.code_unit() {
            Some(0xd800..=0xdbff) => {
                let defect = self.wrong("a lone surrogate");
                self.place += 6;
                match self.code_unit() {
                    Some(0xdc00..=0xdfff) => self.place += 6,
                    Some(_) | None => self.note(defect),
                }
            }
            Some(0xdc00..=0xdfff) => {
                let defect = self.wrong("a lone surrogate");
                self.note(defect);
                self.place += 6;
            }
            Some(_) => self.place += 6,
            None => self.place = (self.place + 2).min(self.body.len()),
        }
    }

    /// The number in `\uXXXX`, if there is one here.
    fn code_unit(&self) -> Option<u32> {
        let digits = self
            .body
            .get(self.place..self.place + 6)?
            .strip_prefix(b"\\u")?;
        digits.iter().try_fold(0, |number, digit| {
            Some(number * 16 + char::from(*digit).to_digit(16)?)
        })
    }

    /// Anything that is neither bracket nor string: `true`, `-1.5`, and Python's additions.
    fn scalar(&mut self) -> Result<(), Unreadable> {
        let start = self.place;
        while let Some(b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'+' | b'-' | b'.') = self.peek() {
            self.place += 1;
        }
        let word = &self.body[start..self.place];
        if word.is_empty() {
            return Err(self.wrong(self.of_python().unwrap_or("no value")));
        }
        if matches!(word, b"NaN" | b"Infinity" | b"-Infinity") {
            self.note(Unreadable::NotJson {
                what: format!("`{}`", String::from_utf8_lossy(word)),
                offset: start,
            });
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Unreadable> {
        self.space();
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.wrong("something after its end")),
        }
    }

    fn expect(&mut self, byte: u8, otherwise: &str) -> Result<(), Unreadable> {
        if self.peek() == Some(byte) {
            self.place += 1;
            Ok(())
        } else {
            Err(self.wrong(self.of_python().unwrap_or(otherwise)))
        }
    }

    /// What Python writes here that JSON lacks, and how JSON is made there.
    fn of_python(&self) -> Option<&'static str> {
        (self.peek() == Some(b'\'')).then_some(
            "a text in single quotes, as `str` writes a Python dict; use `json.dumps`, not `str`;",
        )
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.place += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.body.get(self.place).copied()
    }

    fn note(&mut self, defect: Unreadable) {
        self.defect.get_or_insert(defect);
    }

    fn wrong(&self, what: &str) -> Unreadable {
        Unreadable::NotJson {
            what: what.to_owned(),
            offset: self.place,
        }
    }
}
