//! `dist`: archives of the static executables, the same bytes from the same commit.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{ArgMatches, Command};
use flate2::{Compression, GzBuilder};
use sha2::{Digest, Sha256, Sha512};
use tar::{EntryType, Header};

use crate::process;
use crate::release::Release;
use crate::workspace::Workspace;

/// What every archive has beside the executables.
const PAPERS: &[&str] = &["LICENSE", "README.md"];

/// One file of an archive.
enum Entry {
    File {
        name: String,
        from: PathBuf,
        mode: u32,
    },
    /// A second name of a file that stands earlier in the archive.
    HardLink {
        name: String,
        to: String,
    },
}

/// How the task is called.
pub fn command() -> Command {
    Command::new("dist").about("Packs the static executables, separate and many-in-one")
}

/// Builds and packs into `target/dist`.
///
/// # Errors
///
/// When the build fails or an archive cannot be written.
pub fn run(_arguments: &ArgMatches) -> Result<()> {
    let workspace = Workspace::load()?;
    let release = Release::build(&workspace)?;
    let folder = workspace.target.join("dist");
    fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let suffix = format!("linux-{}-v{}", architecture(), workspace.version());
    let time = commit_time(&workspace)?;
    let archives = [
        (format!("cni-plugins-{suffix}.tar.gz"), separate(&workspace, &release)),
        (format!("cni-plugins-many-in-one-{suffix}.tar.gz"), many_in_one(&workspace, &release)),
    ];
    for (name, entries) in archives {
        let archive = pack(&entries, time).with_context(|| format!("pack {name}"))?;
        write_with_checksums(&folder, &name, &archive)?;
        println!("{} ({} KB)", folder.join(&name).display(), archive.len() / 1024);
    }
    Ok(())
}

/// Every executable on its own.
fn separate(workspace: &Workspace, release: &Release) -> Vec<Entry> {
    let mut entries = papers(workspace);
    entries.extend(release.names.iter().map(|name| executable(release, name)));
    entries
}

/// One executable with all plugins in it, and its names as hard links; cnitool is another.
fn many_in_one(workspace: &Workspace, release: &Release) -> Vec<Entry> {
    let mut entries = papers(workspace);
    entries.push(executable(release, "cni-plugins"));
    for name in &release.names {
        entries.push(match name.as_str() {
            "cnitool" => executable(release, name),
            _ => Entry::HardLink { name: name.clone(), to: "cni-plugins".to_owned() },
        });
    }
    entries
}

fn papers(workspace: &Workspace) -> Vec<Entry> {
    let entry = |name: &&str| Entry::File {
        name: (*name).to_owned(),
        from: workspace.root.join(name),
        mode: 0o644,
    };
    PAPERS.iter().filter(|name| workspace.root.join(name).exists()).map(entry).collect()
}

fn executable(release: &Release, name: &str) -> Entry {
    Entry::File { name: name.to_owned(), from: release.executable(name), mode: 0o755 }
}

/// A compressed archive that depends on nothing but the files' content and `time`.
fn pack(entries: &[Entry], time: u64) -> Result<Vec<u8>> {
    let stamp = u32::try_from(time).context("the commit's time does not fit gzip")?;
    let gzip = GzBuilder::new().mtime(stamp).write(Vec::new(), Compression::best());
    let mut archive = tar::Builder::new(gzip);
    for entry in entries {
        let mut header = Header::new_gnu();
        header.set_mtime(time);
        header.set_uid(0);
        header.set_gid(0);
        match entry {
            Entry::File { name, from, mode } => {
                let content = fs::read(from).with_context(|| from.display().to_string())?;
                header.set_mode(*mode);
                header.set_size(content.len() as u64);
                archive.append_data(&mut header, name, content.as_slice())?;
            }
            Entry::HardLink { name, to } => {
                header.set_entry_type(EntryType::Link);
                header.set_mode(0o755);
                header.set_size(0);
                archive.append_link(&mut header, name, to)?;
            }
        }
    }
    Ok(archive.into_inner()?.finish()?)
}

/// Writes an archive and, as `sha256sum` and `sha512sum` would, its checksums.
fn write_with_checksums(folder: &Path, name: &str, archive: &[u8]) -> Result<()> {
    let sums =
        [("sha256", hex(&Sha256::digest(archive))), ("sha512", hex(&Sha512::digest(archive)))];
    let path = folder.join(name);
    fs::write(&path, archive).with_context(|| format!("write {}", path.display()))?;
    for (kind, sum) in sums {
        let path = folder.join(format!("{name}.{kind}"));
        let mut file = fs::File::create(&path).with_context(|| path.display().to_string())?;
        writeln!(file, "{sum}  {name}")?;
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The time of the last commit in seconds since 1970, as every file's time.
fn commit_time(workspace: &Workspace) -> Result<u64> {
    let root = workspace.root.to_string_lossy();
    let time = process::capture_words(&["git", "-C", &root, "log", "-1", "--format=%ct"])?;
    time.trim().parse().context("the time of the last commit")
}

/// The architecture in the words of the reference's releases.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn an_archive_has_files_and_hard_links_and_is_reproducible() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let from = folder.path().join("built");
        fs::write(&from, "content")?;
        let entries = [
            Entry::File { name: "cni-plugins".to_owned(), from, mode: 0o755 },
            Entry::HardLink { name: "bridge".to_owned(), to: "cni-plugins".to_owned() },
        ];
        let packed = pack(&entries, 1_700_000_000)?;
        assert_eq!(packed, pack(&entries, 1_700_000_000)?);

        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(packed.as_slice()));
        let mut seen = Vec::new();
        for entry in archive.entries()? {
            let mut entry = entry?;
            let mut content = String::new();
            entry.read_to_string(&mut content)?;
            let link = entry.link_name()?.map(|to| to.display().to_string());
            seen.push((entry.path()?.display().to_string(), entry.header().mode()?, link, content));
        }
        let link = Some("cni-plugins".to_owned());
        assert_eq!(
            seen,
            [
                ("cni-plugins".to_owned(), 0o755, None, "content".to_owned()),
                ("bridge".to_owned(), 0o755, link, String::new()),
            ]
        );
        Ok(())
    }
}
