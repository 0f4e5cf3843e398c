//! Large pages for large tables.
//!
//! Memory comes from the system page by page, as it is touched. In pages of 4 KiB that
//! takes an eighth of the time in which a store is read; where the size of a table is
//! known beforehand, Linux is asked for pages of 2 MiB. It may say no, and nothing but
//! the time differs.

/// Makes room for so many more values.
pub(crate) fn reserve<T>(values: &mut Vec<T>, more: usize) {
    let before = values.capacity();
    values.reserve(more);
    if values.capacity() > before {
        #[cfg(target_os = "linux")]
        prefer_large(values.spare_capacity_mut());
    }
}

/// Asks for large pages wherever a whole one lies in the room.
#[cfg(target_os = "linux")]
fn prefer_large<T>(room: &mut [std::mem::MaybeUninit<T>]) {
    use rustix::mm::{Advice, madvise};

    const LARGE: usize = 2 << 20;
    let bytes = size_of_val(room);
    let start = room.as_mut_ptr().cast::<u8>();
    let before = start.align_offset(LARGE);
    let length = bytes.saturating_sub(before) / LARGE * LARGE;
    if length > 0 {
        // SAFETY: `before + length` is at most `bytes`, so all of the range lies in the room,
        // which nobody else borrows. The advice changes no content.
        #[expect(unsafe_code, reason = "advice about memory is given by address")]
        let _ = unsafe { madvise(start.add(before).cast(), length, Advice::LinuxHugepage) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_large_pages_is_what_was_put_there() {
        for count in [0, 1, 1000, 1_000_000] {
            let (mut large, mut plain) = (vec![7_u64; 3], vec![7_u64; 3]);
            reserve(&mut large, count);
            assert!(large.capacity() >= 3 + count);
            large.extend((0..count as u64).map(|number| number * number));
            plain.extend((0..count as u64).map(|number| number * number));
            assert!(large == plain, "{count}");
        }
    }
}
