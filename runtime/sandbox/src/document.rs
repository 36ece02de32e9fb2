//! The fields as a guest sees them: read on demand, one container at a time, every value unchanged.
//!
//! A record or list is scanned when a pointer first enters it; its contents stay text until they
//! are requested. So the depth of a value does not matter, and numbers keep their digits. Scanning
//! is charged before it is done.

use crate::{
    meter::{Meter, Stop},
    pointer,
};
use bureaucrat_model::{Fields, View};
use indexmap::IndexMap;
use serde::de::{Deserializer as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::{collections::HashMap, fmt};

/// Fuel for each byte of a container that is scanned for the first time.
pub(crate) const SCAN_FUEL_PER_BYTE: u64 = 4;

/// The fields of one evaluation, and what was scanned of them.
pub(crate) struct Document {
    view: View,
    scanned: HashMap<Box<str>, Place>,
}

/// What a pointer leads to.
pub(crate) enum Found<'a> {
    All(&'a Fields),
    /// Null, a boolean, a number or a text, as JSON text.
    Scalar(&'a str),
    List {
        /// Its JSON text.
        text: &'a str,
        /// How many items it has.
        length: usize,
    },
    Record {
        /// Its JSON text.
        text: &'a str,
        keys: &'a IndexMap<Box<str>, Place>,
    },
}

/// Whether a container must be scanned, or only its text is needed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    Text,
    Contents,
}

/// A value in the text of a field, from `start` to `end` in bytes.
pub(crate) struct Place {
    start: u32,
    end: u32,
    contents: Option<Box<Contents>>,
}

enum Contents {
    List(Vec<Place>),
    Record(IndexMap<Box<str>, Place>),
}

impl Document {
    pub(crate) fn new(view: View) -> Self {
        Self {
            view,
            scanned: HashMap::new(),
        }
    }

    /// Follows a pointer; `None` if nothing is there.
    pub(crate) fn find(
        &mut self,
        pointer: &str,
        want: Want,
        meter: &mut Meter,
    ) -> Result<Option<Found<'_>>, Stop> {
        let Some(mut tokens) = pointer::tokens(pointer) else {
            return Ok(None);
        };
        let Some(first) = tokens.next() else {
            return Ok(Some(Found::All(&self.view.fields)));
        };
        let Some(name) = pointer::unescaped(first) else {
            return Ok(None);
        };
        // A field with a reserved name, of a launch from before they were refused, is not seen.
        let fields = match name.starts_with(View::RESERVED) {
            true => &self.view.reserved,
            false => &self.view.fields,
        };
        let Some(text) = fields.get(&name).map(|value| value.as_str()) else {
            return Ok(None);
        };
        if !is_container(text) {
            // The usual case, a plain value that the pointer names directly, stores nothing.
            return Ok(tokens.next().is_none().then_some(Found::Scalar(text)));
        }
        if !self.scanned.contains_key(&*name) {
            let place = Place::whole(text)?;
            self.scanned.insert(Box::from(&*name), place);
        }
        let Some(mut place) = self.scanned.get_mut(&*name) else {
            return Ok(None);
        };
        for token in tokens {
            let Some(token) = pointer::unescaped(token) else {
                return Ok(None);
            };
            let inner = match place.scan(text, meter)? {
                None => None,
                Some(Contents::List(items)) => {
                    pointer::index(&token).and_then(|index| items.get_mut(index))
                }
                Some(Contents::Record(entries)) => entries.get_mut(&*token),
            };
            match inner {
                Some(inner) => place = inner,
                None => return Ok(None),
            }
        }
        place.found(text, want, meter).map(Some)
    }
}

impl Place {
    fn whole(text: &str) -> Result<Self, Stop> {
        Ok(Self {
            start: 0,
            end: u32::try_from(text.len()).map_err(|_| Stop::FieldTooLarge(text.len()))?,
            contents: None,
        })
    }

    /// The place of `part` in `text`; both come from one parse, so the offsets match.
    fn of(text: &str, part: &RawValue) -> Option<Self> {
        let start = (part.get().as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
        let end = start.checked_add(part.get().len())?;
        Some(Self {
            start: u32::try_from(start).ok()?,
            end: u32::try_from(end).ok()?,
            contents: None,
        })
    }

    fn text<'a>(&self, text: &'a str) -> &'a str {
        text.get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }

    fn scan(&mut self, text: &str, meter: &mut Meter) -> Result<Option<&mut Contents>, Stop> {
        let own = self.text(text);
        if self.contents.is_none() && is_container(own) {
            meter.charge((own.len() as u64).saturating_mul(SCAN_FUEL_PER_BYTE))?;
            let mut parser = serde_json::Deserializer::from_str(own);
            let mut contents = parser
                .deserialize_any(OneLevel(own))
                .map_err(|_| Stop::BrokenText)?;
            contents.shift(self.start)?;
            self.contents = Some(Box::new(contents));
        }
        Ok(self.contents.as_deref_mut())
    }

    fn found<'a>(
        &'a mut self,
        text: &'a str,
        want: Want,
        meter: &mut Meter,
    ) -> Result<Found<'a>, Stop> {
        let own = self.text(text);
        if want == Want::Text {
            return Ok(Found::Scalar(own));
        }
        Ok(match self.scan(text, meter)? {
            None => Found::Scalar(own),
            Some(Contents::List(items)) => Found::List {
                text: own,
                length: items.len(),
            },
            Some(Contents::Record(keys)) => Found::Record { text: own, keys },
        })
    }
}

impl Contents {
    /// Converts offsets within a container to offsets within its field.
    fn shift(&mut self, by: u32) -> Result<(), Stop> {
        let shift = |place: &mut Place| {
            place.start = place.start.checked_add(by)?;
            place.end = place.end.checked_add(by)?;
            Some(())
        };
        match self {
            Self::List(items) => items.iter_mut().try_for_each(shift),
            Self::Record(entries) => entries.values_mut().try_for_each(shift),
        }
        .ok_or(Stop::BrokenText)
    }
}

fn is_container(text: &str) -> bool {
    matches!(text.as_bytes().first(), Some(b'{' | b'['))
}

/// Reads the outermost list or record of a text; skips over its contents.
struct OneLevel<'t>(&'t str);

impl<'de> Visitor<'de> for OneLevel<'_> {
    type Value = Contents;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list or a record")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Contents, A::Error> {
        let mut places = Vec::new();
        while let Some(item) = items.next_element::<&RawValue>()? {
            places.extend(Place::of(self.0, item));
        }
        Ok(Contents::List(places))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Contents, A::Error> {
        let mut places = IndexMap::new();
        while let Some((key, value)) = entries.next_entry::<String, &RawValue>()? {
            // If a key occurs twice, the last value counts, at the first one's place: that is what
            // `insert` does.
            if let Some(place) = Place::of(self.0, value) {
                places.insert(key.into_boxed_str(), place);
            }
        }
        Ok(Contents::Record(places))
    }
}
