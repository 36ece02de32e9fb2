//! The report of `module test` as JUnit XML, which CI systems read: one `testsuite`, one `testcase` a case, in the form of
//! Jenkins' schema (<https://github.com/jenkinsci/xunit-plugin>, `junit-10.xsd`).

use super::cases::{self, Tested};
use crate::screen::clean;
use quick_xml::{
    Writer,
    events::{BytesDecl, BytesText, Event},
};
use std::{io, time::Duration};

/// The report about a module, by the name of its file.
///
/// # Errors
/// Never in practice: it is written to memory.
pub fn report(module: &str, tested: &[Tested], took: Duration) -> io::Result<Vec<u8>> {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let failed = tested.iter().filter(|tested| !tested.is_met).count();
    let (name, count) = (clean(module), tested.len().to_string());
    let (failed, took) = (failed.to_string(), seconds(took));
    let suite = writer.create_element("testsuites");
    suite.write_inner_content(|writer| {
        let suite = writer.create_element("testsuite").with_attributes([
            ("name", &*name),
            ("tests", &*count),
            ("failures", &*failed),
            ("errors", "0"),
            ("time", &*took),
        ]);
        suite.write_inner_content(|writer| {
            tested.iter().try_for_each(|tested| write(writer, tested))
        })?;
        Ok(())
    })?;
    let mut report = writer.into_inner();
    report.push(b'\n');
    Ok(report)
}

fn write(writer: &mut Writer<Vec<u8>>, tested: &Tested) -> io::Result<()> {
    let Tested {
        case,
        played,
        is_met,
    } = tested;
    let (name, took) = (clean(&case.name), seconds(played.time));
    let element = writer.create_element("testcase").with_attributes([
        ("name", &*name),
        ("classname", &*case.function),
        ("time", &*took),
    ]);
    if *is_met {
        element.write_empty()?;
        return Ok(());
    }
    let said = format!(
        "expected {}, was {}",
        case.expected,
        cases::shown(&played.outcome)
    );
    let said = clean(&said);
    element.write_inner_content(|writer| {
        let failure = writer.create_element("failure");
        let failure = failure.with_attribute(("message", &*said));
        let mut details = format!(
            "fuel {}, {} bytes of memory",
            played.fuel, played.memory_bytes
        );
        for words in played.log.texts() {
            details += &format!("\nlog: {}", clean(words));
        }
        failure.write_text_content(BytesText::new(&details))?;
        Ok(())
    })?;
    Ok(())
}

fn seconds(time: Duration) -> String {
    format!("{:.6}", time.as_secs_f64())
}
