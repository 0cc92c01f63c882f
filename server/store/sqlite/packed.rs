//! Packs rows of the log: LZ4 with a dictionary of common event texts. It saves two thirds of the bytes for two
//! microseconds.
//!
//! A packed row is the number of its dictionary, the length of its text (4 bytes, little-endian), and an LZ4 block.
//! Short texts are not worth it. Long texts stay unpacked because of the cost.

use std::borrow::Cow;

use rusqlite::Row;

/// Dictionaries: common parts of written events. A dictionary never changes: rows packed with it need it forever.
const WORDS: &[u8] = include_bytes!("words/1.txt");
const NUMBER: u8 = 1;

/// The minimum and maximum bytes of a text that is packed.
const MIN: usize = 96;
const MAX: usize = 64 << 10;

/// The packed form, if it saves enough.
pub(super) fn pack(text: &str) -> Option<Vec<u8>> {
    if !(MIN..=MAX).contains(&text.len()) {
        return None;
    }
    let block = lz4_flex::block::compress_with_dict(text.as_bytes(), WORDS);
    let length = u32::try_from(text.len()).ok()?;
    let packed = [&[NUMBER][..], &length.to_le_bytes(), &block].concat();
    (packed.len() < text.len()).then_some(packed)
}

/// Unpacks the text. `None` for invalid bytes.
pub fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let (head, block) = packed.split_at_checked(5)?;
    let length = u32::from_le_bytes(head[1..].try_into().ok()?) as usize;
    if head[0] != NUMBER || length > MAX {
        return None;
    }
    let text = lz4_flex::block::decompress_with_dict(block, length, WORDS).ok()?;
    (text.len() == length).then_some(text)
}

/// The text of a row of the log, packed or not. A row that cannot be unpacked gives no text, so its first event is
/// reported as damaged.
pub(super) fn text<'a>(row: &'a Row<'_>, text: usize, packed: usize) -> rusqlite::Result<Cow<'a, [u8]>> {
    match row.get_ref(packed)?.as_blob_or_null().map_err(rusqlite::Error::from)? {
        Some(packed) => Ok(Cow::Owned(unpack(packed).unwrap_or_default())),
        None => Ok(Cow::Borrowed(row.get_ref(text)?.as_bytes()?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_is_unpacked_and_is_shorter() {
        let event = r#"{"type":"node_finished","node_run":"node_run_0190b2c3d4e58f89a0123456789abcde","state":"succeeded","outputs":{"echo":"hi"}}"#;
        for text in [event.to_owned(), [event; 40].join("\n"), "x".repeat(MAX)] {
            let packed = pack(&text).unwrap();
            assert!(packed.len() * 2 < text.len(), "{} of {}", packed.len(), text.len());
            assert_eq!(unpack(&packed).unwrap(), text.as_bytes());
        }
        assert!(pack("{}").is_none() && pack(&"x".repeat(MAX + 1)).is_none());
    }

    #[test]
    fn what_the_first_build_that_packed_wrote_is_read_for_ever() {
        let hex = "017b0000000fbd021af011303139306232633364346535386638396130313233343536373839616263646563010f580e0b016101703a226869227d7d";
        let bytes: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        let event = r#"{"type":"node_finished","node_run":"node_run_0190b2c3d4e58f89a0123456789abcde","state":"succeeded","outputs":{"echo":"hi"}}"#;
        assert_eq!(unpack(&bytes).unwrap(), event.as_bytes());
    }

    #[test]
    fn what_is_damaged_is_not_unpacked() {
        let packed = pack(&r#"{"type":"node_started","attempt":1}"#.repeat(9)).unwrap();
        let mut other_list = packed.clone();
        other_list[0] = 9;
        let mut other_length = packed.clone();
        other_length[1] ^= 1;
        let mut huge = packed.clone();
        huge[4] = 0xff;
        for damaged in [&packed[..3], &packed[..packed.len() - 2], &other_list, &other_length, &huge, &[]] {
            assert_eq!(unpack(damaged), None);
        }
    }
}
