//! Reads the WAL from outside, by its file format (<https://www.sqlite.org/fileformat2.html#the_write_ahead_log>), and
//! counts its durable transactions. For measurements; the store itself does not use it.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use super::FILE_NAME;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// The number of transactions in the WAL of the store in this folder since the WAL last restarted.
///
/// # Errors
/// The file exists and cannot be read.
pub fn commits(folder: &Path) -> io::Result<u64> {
    let file = match File::open(folder.join(format!("{FILE_NAME}-wal"))) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut file = BufReader::new(file);
    let mut header = [0; HEADER];
    if !filled(&mut file, &mut header)? {
        return Ok(0);
    }
    let page = number(&header, 8) as usize;
    let mut frame = vec![0; FRAME_HEADER + page];
    let mut count = 0;
    // Frames after the last one belong to an earlier round and have other salts.
    while filled(&mut file, &mut frame)? && frame[8..16] == header[16..24] {
        // The last frame of a transaction contains the size of the database after it.
        count += u64::from(number(&frame, 4) != 0);
    }
    Ok(count)
}

fn number(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

/// Fills the buffer. Returns whether the file had enough bytes.
fn filled(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;
    use crate::conformance::fixture::start;
    use crate::sqlite::{Options, Sqlite};

    #[tokio::test]
    async fn each_commit_is_counted_once() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(commits(folder.path()).unwrap(), 0);
        let store = Sqlite::open(folder.path(), Options::default()).unwrap();
        let before = commits(folder.path()).unwrap();
        for number in 1..=3 {
            store.commit(vec![start(number).0]).await.pop().unwrap().unwrap();
            assert_eq!(commits(folder.path()).unwrap(), before + u64::try_from(number).unwrap());
        }
        store.commit(vec![start(4).0, start(5).0]).await.into_iter().for_each(|done| assert!(done.is_ok()));
        assert_eq!(commits(folder.path()).unwrap(), before + 4, "what is committed together is flushed once");
    }
}
