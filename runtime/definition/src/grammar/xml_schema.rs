//! definitions/bureaucrat.xsd, made from the table.
//!
//! XML Schema 1.0 cannot say all of the table. What it leaves out is in docs/language.md.

use super::{
    Attribute, Content, Need, Occurs, ROWS, Row,
    facets::{Lines, escaped, facets},
    root,
};

/// The schema, with the sentences of the table for editors.
pub fn xml_schema() -> String {
    let mut out = Lines::default();
    out.line(r#"<?xml version="1.0" encoding="UTF-8"?>"#);
    out.line("<!-- Made from runtime/definition/src/grammar/table.rs; a test compares. -->");
    out.open(r#"xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema""#);
    let root = root();
    out.open(&format!("xs:element name=\"{0}\" type=\"{0}\"", root.name));
    documentation(root.purpose, &mut out);
    out.open("xs:unique name=\"ids\"");
    out.empty("xs:selector xpath=\".//*\"");
    out.empty("xs:field xpath=\"@id\"");
    out.close("xs:unique");
    out.close("xs:element");
    out.open("xs:group name=\"activity\"");
    out.open("xs:choice");
    for row in ROWS.iter().filter(|row| row.tag.activity().is_some()) {
        element(row, "", &mut out);
    }
    out.close("xs:choice");
    out.close("xs:group");
    for row in ROWS {
        complex_type(row, &mut out);
    }
    out.close("xs:schema");
    out.finish()
}

fn documentation(text: &str, out: &mut Lines) {
    out.open("xs:annotation");
    out.text("xs:documentation", text);
    out.close("xs:annotation");
}

fn element(row: &Row, occurs: &str, out: &mut Lines) {
    let (name, key) = (row.name, row.key());
    out.open(&format!(
        "xs:element name=\"{name}\" type=\"{key}\"{occurs}"
    ));
    documentation(row.purpose, out);
    out.close("xs:element");
}

fn complex_type(row: &Row, out: &mut Lines) {
    out.open(&format!("xs:complexType name=\"{}\"", row.key()));
    match row.content {
        Content::Text(_) => {
            out.open("xs:simpleContent");
            out.open("xs:extension base=\"xs:string\"");
            attributes(row, out);
            out.close("xs:extension");
            out.close("xs:simpleContent");
        }
        Content::Parts | Content::Body(_) => {
            children(row, out);
            attributes(row, out);
        }
    }
    out.close("xs:complexType");
}

/// `many*, (once, many*)?, last?`. With two that are there once, this would need all their orders,
/// so then they are let through more often.
fn children(row: &Row, out: &mut Lines) {
    let of = |occurs: Occurs| {
        let children = row.children().iter().copied();
        children
            .filter(|child| child.tag.activity().is_none() && child.occurs == occurs)
            .collect::<Vec<&Row>>()
    };
    let (mut many, once, last) = (of(Occurs::Any), of(Occurs::Once), of(Occurs::Last));
    if row.children().is_empty() {
        return;
    }
    let single = match once.as_slice() {
        [single] => Some(*single),
        others => {
            many.extend(others);
            None
        }
    };
    out.open("xs:sequence");
    let body = matches!(row.content, Content::Body(_));
    any_of(&many, body, out);
    if let Some(single) = single {
        out.open("xs:sequence minOccurs=\"0\"");
        element(single, "", out);
        any_of(&many, body, out);
        out.close("xs:sequence");
    }
    for row in last {
        element(row, " minOccurs=\"0\"", out);
    }
    out.close("xs:sequence");
}

fn any_of(rows: &[&Row], body: bool, out: &mut Lines) {
    if rows.is_empty() && !body {
        return;
    }
    out.open("xs:choice minOccurs=\"0\" maxOccurs=\"unbounded\"");
    for row in rows {
        element(row, "", out);
    }
    if body {
        out.empty("xs:group ref=\"activity\"");
    }
    out.close("xs:choice");
}

fn attributes(row: &Row, out: &mut Lines) {
    for found in row.attributes() {
        attribute(found, out);
    }
    out.empty(
        "xs:anyAttribute namespace=\"http://www.w3.org/XML/1998/namespace \
         http://www.w3.org/2001/XMLSchema-instance\" processContents=\"skip\"",
    );
}

fn attribute(found: &Attribute, out: &mut Lines) {
    let needed = match found.need {
        Need::Required => " use=\"required\"".to_owned(),
        Need::Default(value) => format!(" default=\"{}\"", escaped(value)),
        Need::Optional(_) | Need::Either(_) | Need::InsteadOfText | Need::WithThat(_) => {
            String::new()
        }
    };
    out.open(&format!("xs:attribute name=\"{}\"{needed}", found.name));
    documentation(&format!("{}.", found.meaning), out);
    let facets = facets(found.value);
    out.open("xs:simpleType");
    out.open(&format!("xs:restriction base=\"xs:{}\"", facets.base));
    for (name, value) in &facets.restrictions {
        out.empty(&format!("xs:{name} value=\"{}\"", escaped(value)));
    }
    out.close("xs:restriction");
    out.close("xs:simpleType");
    out.close("xs:attribute");
}
