//! The sum at the end of a line of the intake: CRC-32, as gzip has it.
//!
//! Always true: equal to what the crate of gzip says of the same bytes.
//!
//! Not here: sums of whole files. For them that crate is fast; for a line of 200 bytes it copies its tables
//! first, which was a third of what a trade cost.

/// Of each byte, what it becomes when so many more bytes have gone by.
static TABLES: [[u32; 256]; 8] = tables();
/// The polynomial, its bits in reverse.
const POLYNOMIAL: u32 = 0xedb8_8320;

#[allow(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "when it is compiled: an index that is none is no program"
)]
const fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut sum = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            sum = (sum >> 1) ^ (POLYNOMIAL * (sum & 1));
            bit += 1;
        }
        tables[0][byte] = sum;
        byte += 1;
    }
    let mut further = 1;
    while further < 8 {
        let mut byte = 0;
        while byte < 256 {
            let before: u32 = tables[further - 1][byte];
            tables[further][byte] = (before >> 8) ^ tables[0][(before & 0xff) as usize];
            byte += 1;
        }
        further += 1;
    }
    tables
}

/// The sum of these bytes.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut sum = !0;
    for word in words {
        let mixed = u64::from_le_bytes(*word) ^ u64::from(sum);
        // The first byte has the most bytes behind it.
        let of_bytes = mixed.to_le_bytes();
        sum = TABLES
            .iter()
            .rev()
            .zip(of_bytes)
            .fold(0, |sum, (table, byte)| sum ^ entry(table, byte));
    }
    let [one, ..] = &TABLES;
    for byte in rest {
        let [low, ..] = sum.to_le_bytes();
        sum = (sum >> 8) ^ entry(one, low ^ byte);
    }
    !sum
}

/// A byte is an index of 256 entries: the other case is none.
fn entry(table: &[u32; 256], byte: u8) -> u32 {
    table.get(usize::from(byte)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use flate2::Crc;

    use super::crc32;

    #[test]
    fn the_sum_is_that_of_gzip() {
        // The value that the catalogues of such sums check with.
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        let bytes: Vec<u8> = (0..1000u32)
            .map(|it| (it.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect();
        for len in 0..bytes.len() {
            let mut theirs = Crc::new();
            theirs.update(&bytes[..len]);
            assert_eq!(crc32(&bytes[..len]), theirs.sum(), "of {len} bytes");
        }
    }
}
