//! Numbers of bytes as people read them.

/// A number of bytes as people read it: `817 B`, `24.1 KB`, `3.0 GB`.
pub(crate) fn size(bytes: u64) -> String {
    let units = ["KB", "MB", "GB", "TB", "PB"];
    let mut tenths = bytes.saturating_mul(10);
    let mut unit = "B";
    for larger in units {
        if tenths < 10_000 {
            break;
        }
        tenths = tenths / 1000 + u64::from(500 <= tenths % 1000);
        unit = larger;
    }
    match unit {
        "B" => format!("{bytes} B"),
        _ => format!("{}.{} {unit}", tenths / 10, tenths % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        let texts = [0, 999, 1000, 24_149, 999_999, 3_000_000_000].map(size);
        assert_eq!(
            texts,
            ["0 B", "999 B", "1.0 KB", "24.1 KB", "1.0 MB", "3.0 GB"]
        );
    }
}
