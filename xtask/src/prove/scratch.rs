//! Where the targets of the proof keep their data: in memory, if there is room. A kill leaves what the kernel holds as it is,
//! so a disk would add nothing to what a row can show but the time of a thousand starts.

use std::path::{Path, PathBuf};

/// A file system in memory, as Linux has it.
const IN_MEMORY: &str = "/dev/shm";

/// What the targets of one proof need at most, in bytes.
const ROOM: u64 = 2 << 30;

/// The folder, if it is there and has room.
pub fn in_memory() -> Option<PathBuf> {
    let folder = Path::new(IN_MEMORY);
    let room = rustix::fs::statvfs(folder).ok()?;
    (room.f_bavail.saturating_mul(room.f_frsize) >= ROOM).then(|| folder.to_path_buf())
}
