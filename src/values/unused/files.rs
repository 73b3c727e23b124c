//! Where the files of a chart lie: in a directory, or in a packed chart.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use serde_json::Value;

use crate::config::Source;
use crate::files::archive;
use crate::files::text::{Content, decode, read};

/// The files of one chart.
#[derive(Clone, Debug)]
pub enum Files {
    /// Those of a directory.
    Folder(PathBuf),
    /// Those of a packed chart, or of a chart that lies in its `charts`.
    Packed {
        archive: Rc<Archive>,
        /// Where they begin there: nothing, or `charts/NAME/`.
        folder: String,
    },
}

/// A packed chart.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    files: BTreeMap<String, Vec<u8>>,
}

impl Files {
    /// Where a file is, for people.
    pub fn shown(&self, name: &str) -> String {
        self.place().join(name).display().to_string()
    }

    /// Where they are; the same for the same chart.
    pub fn place(&self) -> PathBuf {
        match self {
            Files::Folder(path) => path.clone(),
            Files::Packed { archive, folder } => archive.path.join(folder),
        }
    }

    /// The text of a file, if it is there and is text.
    pub fn text(&self, name: &str) -> Option<String> {
        match self {
            Files::Folder(path) => fs::read_to_string(path.join(name)).ok(),
            Files::Packed { archive, folder } => {
                let bytes = archive.files.get(&format!("{folder}{name}"))?;
                String::from_utf8(bytes.clone()).ok()
            }
        }
    }

    /// All files but those of subcharts, by their names and in their order.
    ///
    /// # Errors
    /// One of them cannot be read, as `file: reason`.
    pub fn own(&self) -> Result<Vec<(String, Content)>, String> {
        match self {
            Files::Folder(path) => own_of_folder(path),
            Files::Packed { archive, folder } => {
                let all = archive.files.iter();
                let own = all.filter_map(|(path, bytes)| {
                    let name = path.strip_prefix(folder)?;
                    let own = !name.starts_with("charts/");
                    own.then(|| (name.to_owned(), decode(bytes.clone())))
                });
                Ok(own.collect())
            }
        }
    }

    /// The charts in `charts`, packed or not, by the names that they give themselves. `left` is how
    /// many bytes may be unpacked.
    ///
    /// # Errors
    /// One of them cannot be read, as `file: reason`.
    pub fn subcharts(&self, left: &mut u64) -> Result<Vec<(String, Files)>, String> {
        let mut found = Vec::new();
        for (entry, chart) in self.vendored(left)? {
            let shown = chart.shown("Chart.yaml");
            let text = match (chart.text("Chart.yaml"), is_packed(&entry)) {
                (Some(text), _) => text,
                // A directory may hold anything; Helm refuses an archive that is no chart.
                (None, false) => continue,
                (None, true) => {
                    return Err(format!("{shown}: it is not there, so this is no chart"));
                }
            };
            let source = Source::parse(&shown, &text).map_err(|error| error.to_string())?;
            let name = source.value("/name");
            if let Some(name) = name.as_ref().and_then(Value::as_str) {
                found.push((name.to_owned(), entry, chart));
            }
        }
        found.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        Ok(found
            .into_iter()
            .map(|(name, _, chart)| (name, chart))
            .collect())
    }

    /// What lies in `charts` and may be a chart, by the names it has there.
    fn vendored(&self, left: &mut u64) -> Result<Vec<(String, Files)>, String> {
        let mut found = Vec::new();
        match self {
            Files::Folder(path) => {
                let Ok(entries) = fs::read_dir(path.join("charts")) else {
                    return Ok(found);
                };
                for entry in entries.flatten() {
                    let path = entry.path();
                    let name = entry.file_name().to_string_lossy().into_owned();
                    if !is_packed(&name) {
                        found.push((name, Files::Folder(path)));
                        continue;
                    }
                    let shown = path.display().to_string();
                    let file = File::open(&path).map_err(|error| format!("{shown}: {error}"))?;
                    found.push((name, Files::unpack(path, file, left)?));
                }
            }
            Files::Packed { archive, folder } => {
                let charts = format!("{folder}charts/");
                let mut folders = BTreeSet::new();
                for (path, bytes) in &archive.files {
                    let Some(name) = path.strip_prefix(&charts) else {
                        continue;
                    };
                    if let Some((name, _)) = name.split_once('/') {
                        folders.insert(name);
                    } else if is_packed(name) {
                        let path = archive.path.join(path);
                        let chart = Files::unpack(path, bytes.as_slice(), left)?;
                        found.push((name.to_owned(), chart));
                    }
                }
                found.extend(folders.into_iter().map(|name| {
                    let files = Files::Packed {
                        archive: archive.clone(),
                        folder: format!("{charts}{name}/"),
                    };
                    (name.to_owned(), files)
                }));
            }
        }
        Ok(found)
    }

    fn unpack(path: PathBuf, packed: impl std::io::Read, left: &mut u64) -> Result<Files, String> {
        let files = archive::unpack(packed, left)
            .map_err(|error| format!("{}: no chart can be unpacked: {error}", path.display()))?;
        Ok(Files::Packed {
            archive: Rc::new(Archive { path, files }),
            folder: String::new(),
        })
    }
}

/// Whether Helm unpacks a file of that name in `charts`; it leaves out those that begin with a dot or
/// an underscore.
fn is_packed(name: &str) -> bool {
    name.ends_with(".tgz") && !name.starts_with(['.', '_'])
}

fn own_of_folder(folder: &Path) -> Result<Vec<(String, Content)>, String> {
    let mut own = Vec::new();
    let charts = folder.join("charts");
    let entries = walkdir::WalkDir::new(folder).sort_by_file_name();
    let entries = entries.into_iter();
    for entry in entries.filter_entry(|entry| entry.path() != charts) {
        let entry = entry.map_err(|error| error.to_string())?;
        let path = entry.path();
        if !path.is_file() {
            continue;
        }
        let shown = path.display();
        let content = read(path).map_err(|error| format!("{shown}: {error}"))?;
        let name = path.strip_prefix(folder).unwrap_or(path);
        own.push((name.to_string_lossy().into_owned(), content));
    }
    Ok(own)
}
