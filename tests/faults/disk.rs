//! A disk that fails, is slow or hangs when it is told to: a shim between a child and its system calls, and file systems of their own.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// Which system calls are meant.
#[derive(Clone, Copy, Debug)]
pub enum Calls {
    Sync = 1,
    Write = 2,
    Both = 3,
}

/// Errors of the system.
#[derive(Clone, Copy)]
pub enum Errno {
    /// The disk says it failed.
    Io = 5,
    NoSpace = 28,
}

/// For ever.
const ALWAYS: u32 = u32::MAX;

/// A disk as a child sees it; sound until told otherwise.
pub struct Disk {
    shim: PathBuf,
    control: File,
    path: PathBuf,
    _dir: TempDir,
}

impl Disk {
    /// Builds the shim; why that cannot be done, otherwise.
    pub fn new() -> Result<Disk, String> {
        let dir = tempfile::tempdir().expect("a directory");
        let (shim, path) = (dir.path().join("shim.so"), dir.path().join("control"));
        compile("shim.c", &shim, &["-shared", "-fPIC"])?;
        fs::write(&path, [0; 256]).expect("a page to steer by");
        let control = File::options().read(true).write(true).open(&path).expect("the page");
        Ok(Disk { shim, control, path, _dir: dir })
    }

    /// Puts a child on this disk.
    pub fn under(&self, child: &mut Command) {
        child.env("LD_PRELOAD", &self.shim).env("QUITTANCE_DISK", &self.path);
    }

    /// So many such calls on files with this in their path fail, then the disk is as if nothing had been.
    pub fn fails(&self, calls: Calls, path: &str, error: Errno, times: Option<u32>) {
        self.set(1, error as u32, calls, path, times.unwrap_or(ALWAYS));
    }

    /// Every such call takes so much longer.
    pub fn is_slow(&self, calls: Calls, path: &str, by: Duration) {
        self.set(2, u32::try_from(by.as_millis()).expect("short"), calls, path, ALWAYS);
    }

    /// Such calls do not come back until the disk is sound again.
    pub fn hangs(&self, calls: Calls, path: &str) {
        self.set(3, 0, calls, path, ALWAYS);
    }

    pub fn is_sound_again(&self) {
        self.word(0, 0);
    }

    /// Calls that were interfered with, and calls that might have been, since the disk was told to.
    pub fn hits(&self) -> (u32, u32) {
        let mut words = [0; 8];
        self.control.read_exact_at(&mut words, 16).expect("reads");
        let word = |at: usize| u32::from_le_bytes(words[at..at + 4].try_into().expect("four"));
        (word(0), word(4))
    }

    fn set(&self, action: u32, value: u32, calls: Calls, path: &str, times: u32) {
        self.word(0, 0);
        for (word, number) in [value, calls as u32, times, 0, 0].into_iter().enumerate() {
            self.word(word as u64 + 1, number);
        }
        let mut name = [0; 192];
        name[..path.len()].copy_from_slice(path.as_bytes());
        self.control.write_all_at(&name, 64).expect("writes");
        self.word(0, action);
    }

    fn word(&self, word: u64, value: u32) {
        self.control.write_all_at(&value.to_le_bytes(), word * 4).expect("writes");
    }
}

/// Compiles one of the C programs beside this file.
fn compile(source: &str, to: &Path, flags: &[&str]) -> Result<(), String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("faults").join(source);
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let output = Command::new(&compiler)
        .args(flags)
        .args(["-O1", "-Wall", "-Werror", "-o"])
        .args([to, &source])
        .arg("-ldl")
        .output()
        .map_err(|cause| format!("{compiler} cannot be started: {cause}"))?;
    match output.status.success() {
        true => Ok(()),
        false => panic!("{compiler}: {}", String::from_utf8_lossy(&output.stderr)),
    }
}

/// A file system in a file, on a loop device. Unmounted when dropped.
pub struct Image {
    dir: TempDir,
    device: Option<String>,
    mounted: bool,
}

impl Image {
    /// Makes and mounts it; why that cannot be done, otherwise.
    pub fn new(mebibytes: u64) -> Result<Image, String> {
        let dir = tempfile::tempdir().expect("a directory");
        let image = dir.path().join("image");
        File::create(&image).and_then(|file| file.set_len(mebibytes << 20)).expect("a sparse file");
        fs::create_dir(dir.path().join("mounted")).expect("a mount point");
        compile("power_off.c", &dir.path().join("power_off"), &[])?;
        run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image))?;
        let mut made = Image { dir, device: None, mounted: false };
        made.mount()?;
        Ok(made)
    }

    /// Where it is mounted.
    pub fn path(&self) -> PathBuf {
        self.dir.path().join("mounted")
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("image")
    }

    fn mount(&mut self) -> Result<(), String> {
        let root = |why| format!("a loop device cannot be mounted, which needs root: {why}");
        let device = run(Command::new("losetup").args(["--find", "--show"]).arg(self.file())).map_err(root)?;
        self.device = Some(device.clone());
        run(Command::new("mount").arg(device).arg(self.path())).map_err(root)?;
        self.mounted = true;
        Ok(())
    }

    /// The power is back: the kernel plays the journal. Whoever used the disk has ended.
    pub fn power_on(&mut self) {
        self.unmount();
        self.mount().expect("the journal is played");
        // Whatever is missing from here on is no fault of the file system.
        self.unmount();
        run(Command::new("e2fsck").args(["-f", "-n"]).arg(self.file())).expect("a sound file system");
        self.mount().expect("mounts");
    }

    /// Until the loop device is gone, and with it what the kernel remembers of its blocks: a second one over the same file, or this one
    /// taken up again while somebody else looks at it, would show what never reached the disk.
    fn unmount(&mut self) {
        patiently("nobody uses it any more", || run(Command::new("umount").arg(self.path())).map(drop));
        self.mounted = false;
        let device = self.device.take().expect("it was mounted");
        run(Command::new("losetup").args(["--detach", &device])).expect("detaches");
        patiently("its loop device is gone", || {
            match run(Command::new("losetup").arg("--associated").arg(self.file()))? {
                none if none.is_empty() => Ok(()),
                left => Err(left),
            }
        });
    }
}

/// The power goes for these, one after the other: what was not synced is gone. The length that the file `said`, which lies elsewhere, had
/// just before.
pub fn power_off(images: &[Image], said: &Path) -> u64 {
    let mut off = Command::new(images[0].dir.path().join("power_off"));
    let length = run(off.arg(said).args(images.iter().map(Image::path)));
    length.expect("the file systems are shut down").parse().expect("a length")
}

impl Drop for Image {
    fn drop(&mut self) {
        if self.mounted {
            let _ = Command::new("umount").arg("-l").arg(self.path()).output();
        }
        if let Some(device) = &self.device {
            let _ = Command::new("losetup").args(["--detach", device]).output();
        }
    }
}

fn patiently(what: &str, mut attempt: impl FnMut() -> Result<(), String>) {
    let mut outcome = Err(String::new());
    for _ in 0..400 {
        outcome = attempt();
        if outcome.is_ok() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{what}: {outcome:?}");
}

/// What it prints; its complaint when it fails.
fn run(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|cause| format!("{name} cannot be started: {cause}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    match output.status.success() {
        true => Ok(text(&output.stdout)),
        false => Err(format!("{name}: {} {}", text(&output.stdout), text(&output.stderr))),
    }
}
