//! xmllint, which validates files with the schemas. Without it the tests fail.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

/// A language for schemas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Schema {
    RelaxNg,
    XmlSchema,
}

impl Schema {
    pub(super) const fn file(self) -> &'static str {
        match self {
            Self::RelaxNg => "bureaucrat.rng",
            Self::XmlSchema => "bureaucrat.xsd",
        }
    }

    const fn option(self) -> &'static str {
        match self {
            Self::RelaxNg => "--relaxng",
            Self::XmlSchema => "--schema",
        }
    }

    /// Those of the files that the schema in a folder accepts.
    pub(super) fn accepted(self, folder: &Path, files: &[PathBuf]) -> BTreeSet<PathBuf> {
        let mut accepted = BTreeSet::new();
        for some in files.chunks(200) {
            let output = Command::new("xmllint")
                .args(["--noout", "--nonet", self.option()])
                .arg(folder.join(self.file()))
                .args(some)
                .output();
            let output = match output {
                Ok(output) => output,
                Err(error) => panic!("cannot run xmllint: {error}; run scripts/setup"),
            };
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!told.contains("failed to compile"), "{told}");
            let names = told
                .lines()
                .filter_map(|line| line.strip_suffix(" validates"));
            accepted.extend(names.map(PathBuf::from));
        }
        accepted
    }
}

/// A folder that goes with its value.
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("bureaucrat-schemas-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(super) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// With both schemas as the table has them now.
    pub(super) fn with_schemas() -> Self {
        let folder = Self::new();
        folder.write(Schema::RelaxNg.file(), &crate::relax_ng());
        folder.write(Schema::XmlSchema.file(), &crate::xml_schema());
        folder
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
