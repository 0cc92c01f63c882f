//! The size of an event.

use runyard_engine::Event;

/// The length of an event that cannot be written: longer than any limit.
const UNWRITABLE: usize = 1 << 30;

/// The length of an event as JSON. One that cannot be written counts as too long.
pub(super) fn bytes_of(event: &Event) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    serde_json::to_writer(&mut count, event).map_or(UNWRITABLE, |()| count.0)
}
