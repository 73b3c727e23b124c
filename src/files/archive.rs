//! Packed charts (`.tgz`), unpacked in memory and within bounds.
//!
//! The rules for names are those of Helm's own loader (`pkg/chart/loader/archive`): the first part of
//! a path is the chart's directory, and no path leads out of it. So are the bounds on sizes.

use std::collections::BTreeMap;
use std::io::{self, Read};

use flate2::read::MultiGzDecoder;

/// The most bytes of one file.
pub const MAX_FILE: u64 = 5 << 20;

/// The most bytes that may be unpacked in all.
pub const MAX_TOTAL: u64 = 100 << 20;

/// The most files and directories.
pub const MAX_ENTRIES: usize = 10_000;

/// The files of a packed chart, by their paths in the chart. Links are left out. `left` is how many
/// bytes may be unpacked, headers included, and becomes less by those that were.
///
/// # Errors
/// It is no packed chart, a path leads out of the chart's directory, or it holds too much.
pub fn unpack(packed: impl Read, left: &mut u64) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut archive = tar::Archive::new(Bounded {
        inner: MultiGzDecoder::new(packed),
        left,
    });
    let mut files = BTreeMap::new();
    for (count, entry) in archive.entries()?.enumerate() {
        let mut entry = entry?;
        if count == MAX_ENTRIES {
            return Err(wrong(format!("more than {MAX_ENTRIES} entries")));
        }
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if entry.header().entry_type().is_pax_global_extensions() {
            continue;
        }
        let Some(name) = inside(&path)? else {
            continue;
        };
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let mut content = Vec::new();
        (&mut entry).take(MAX_FILE + 1).read_to_end(&mut content)?;
        if content.len() as u64 > MAX_FILE {
            return Err(wrong(format!("{path:?} has more than {MAX_FILE} bytes")));
        }
        files.insert(name, content);
    }
    Ok(files)
}

fn wrong(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// The path within the chart's directory; `None` for that directory itself.
fn inside(path: &str) -> io::Result<Option<String>> {
    let out = || wrong(format!("{path:?} leads out of the chart"));
    // Charts that were packed under Windows.
    let path = path.replace('\\', "/");
    let drive = path.chars().nth(1) == Some(':');
    if path.starts_with('/') || drive {
        return Err(out());
    }
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => return Err(out()),
            part => parts.push(part),
        }
    }
    match parts.as_slice() {
        [] | [_] => Ok(None),
        [_, rest @ ..] => Ok(Some(rest.join("/"))),
    }
}

/// Fails once more was read than may be.
struct Bounded<'l, R> {
    inner: R,
    left: &'l mut u64,
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        match self.left.checked_sub(read as u64) {
            Some(left) => *self.left = left,
            None => {
                *self.left = 0;
                return Err(wrong(format!("it unpacks to more than {MAX_TOTAL} bytes")));
            }
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;
    use std::io::Write;
    use tar::EntryType;

    /// An archive with entries of these types; paths are taken as they are.
    fn archive(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
        let mut archive = Vec::new();
        for (path, kind, content) in entries {
            let mut header = tar::Header::new_gnu();
            // Not by `set_path`, which refuses what is to be refused here.
            header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
            header.set_entry_type(*kind);
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            header.set_cksum();
            archive.extend(header.as_bytes());
            archive.extend(*content);
            let end = archive.len().next_multiple_of(512);
            archive.resize(end, 0);
        }
        archive.resize(archive.len() + 1024, 0);
        archive
    }

    fn zipped(archive: &[u8]) -> Vec<u8> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(archive).unwrap();
        packed.finish().unwrap()
    }

    fn pack(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
        zipped(&archive(entries))
    }

    fn unpacked(packed: &[u8]) -> Result<Vec<(String, Vec<u8>)>, String> {
        let files = unpack(packed, &mut { MAX_TOTAL }).map_err(|e| e.to_string())?;
        Ok(files.into_iter().collect())
    }

    #[test]
    fn files_are_named_from_the_chart() {
        let file = EntryType::Regular;
        let packed = pack(&[
            ("db", EntryType::Directory, b""),
            ("db/Chart.yaml", file, b"name: db\n"),
            ("db/./templates//a.yaml", file, b"a: 1\n"),
            ("db\\charts\\in\\Chart.yaml", file, b"name: in\n"),
            ("db/link", EntryType::Symlink, b""),
            ("loose", file, b"x"),
        ]);
        let files = unpacked(&packed).unwrap();
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            ["Chart.yaml", "charts/in/Chart.yaml", "templates/a.yaml"]
        );
        assert_eq!(files[0].1, b"name: db\n");
    }

    #[test]
    fn what_leads_out_or_is_too_much_is_refused() {
        let file = EntryType::Regular;
        for (path, wanted) in [
            ("/etc/passwd", "leads out"),
            ("../x", "leads out"),
            ("db/../../x", "leads out"),
            ("db\\..\\x", "leads out"),
            ("C:/x", "leads out"),
        ] {
            let said = unpacked(&pack(&[(path, file, b"x")])).unwrap_err();
            assert!(said.contains(wanted), "{path}: {said}");
        }
        let large = vec![b'a'; MAX_FILE as usize + 1];
        let said = unpacked(&pack(&[("db/large", file, &large)])).unwrap_err();
        assert!(
            said.contains("db/large") && said.contains("5242880"),
            "{said}"
        );
        let many: Vec<_> = (0..=MAX_ENTRIES)
            .map(|_| ("db/a", file, &b""[..]))
            .collect();
        assert!(
            unpacked(&pack(&many))
                .unwrap_err()
                .contains("10000 entries")
        );
        let mut left = 2000;
        let some = pack(&[("db/a", file, &[b'a'; 4000])]);
        let said = unpack(some.as_slice(), &mut left).unwrap_err().to_string();
        assert!(said.contains("more than 104857600 bytes"), "{said}");
        assert_eq!(left, 0);
        assert!(unpacked(b"no archive").is_err());
        let cut = &pack(&[("db/a", file, &[b'a'; 4000])]);
        assert!(unpacked(&cut[..cut.len() / 2]).is_err());
    }

    proptest! {
        /// Whatever the bytes are, no path leads out.
        #[test]
        fn broken_archives_stay_inside(
            edits in proptest::collection::vec((0..4096usize, any::<u8>()), 0..8),
        ) {
            let file = EntryType::Regular;
            let mut archive = archive(&[
                ("db/Chart.yaml", file, b"name: db\n"),
                ("db/templates/a.yaml", file, &[b'a'; 600]),
            ]);
            for (at, byte) in edits {
                let at = at % archive.len();
                archive[at] = byte;
            }
            // Headers whose sums are wrong are not looked at any further.
            for start in [0, 1024] {
                let header = &mut archive[start..start + 512];
                header[148..156].fill(b' ');
                let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
                header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            }
            for (path, _) in unpacked(&zipped(&archive)).unwrap_or_default() {
                prop_assert!(!path.split('/').any(|part| ["", ".", ".."].contains(&part)), "{path:?}");
            }
        }
    }
}
