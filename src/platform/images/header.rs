//! What an image says of itself in its first bytes: its format and its size in pixels. Pure; nothing is decoded.
//!
//! Hostile input lives here: every read is bounded by the bytes there are, and a JPEG's segments are walked in one pass.
//!
//! Sources: PNG (W3C, 3rd edition, 5.2 and 11.2.1), GIF89a (CompuServe, 17 and 18), JPEG (ITU-T T.81, annex B), WebP (RFC 9649, 2.5-2.7).

/// The formats there are. SVG is none of them: it is a document with scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `image/png`
    Png,
    /// `image/jpeg`
    Jpeg,
    /// `image/webp`
    Webp,
    /// `image/gif`
    Gif,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Png, Self::Jpeg, Self::Webp, Self::Gif];

    /// The media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
            Self::Gif => "image/gif",
        }
    }

    /// The format of a media type, parameters aside.
    #[must_use]
    pub fn of_media_type(text: &str) -> Option<Self> {
        let word = text.split(';').next().unwrap_or_default().trim();
        Self::ALL.into_iter().find(|format| word.eq_ignore_ascii_case(format.media_type()))
    }

    /// The format whose signature these bytes begin with.
    #[must_use]
    pub fn sniff(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::Webp),
            _ => None,
        }
    }

    /// Width and height in pixels, as stored (a camera's turn of the picture is metadata); `None` if the header does not hold them.
    #[must_use]
    pub fn size(self, bytes: &[u8]) -> Option<(u32, u32)> {
        let (width, height) = match self {
            Self::Png => png(bytes),
            Self::Jpeg => jpeg(bytes),
            Self::Webp => webp(bytes),
            Self::Gif => Some((le16(bytes, 6)?, le16(bytes, 8)?)),
        }?;
        (width > 0 && height > 0).then_some((width, height))
    }
}

fn png(bytes: &[u8]) -> Option<(u32, u32)> {
    // The first chunk is the header, and 13 bytes long.
    (bytes.get(8..16)? == b"\0\0\0\x0dIHDR").then_some(())?;
    Some((u32::from_be_bytes(array(bytes, 16)?), u32::from_be_bytes(array(bytes, 20)?)))
}

fn jpeg(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        (*bytes.get(at)? == 0xff).then_some(())?;
        // Any number of 0xff may fill up before a marker.
        let marker = loop {
            at += 1;
            match *bytes.get(at)? {
                0xff => {}
                marker => break marker,
            }
        };
        at += 1;
        match marker {
            // A frame: length, precision, height, width. 0xc4, 0xc8 and 0xcc are tables.
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                return Some((be16(bytes, at + 5)?, be16(bytes, at + 3)?));
            }
            // Alone, without a length.
            0x01 | 0xd0..=0xd7 => {}
            // The picture begins or ends without a frame; or no marker at all.
            0x00 | 0xd8..=0xda => return None,
            _ => {
                let length = be16(bytes, at)? as usize;
                at += (length >= 2).then_some(length)?;
            }
        }
    }
}

fn webp(bytes: &[u8]) -> Option<(u32, u32)> {
    match bytes.get(12..16)? {
        b"VP8 " => {
            // A key frame begins with this code; the two bits above each size are a scale.
            (bytes.get(23..26)? == [0x9d, 0x01, 0x2a]).then_some(())?;
            Some((le16(bytes, 26)? & 0x3fff, le16(bytes, 28)? & 0x3fff))
        }
        b"VP8L" => {
            (*bytes.get(20)? == 0x2f).then_some(())?;
            let bits = u32::from_le_bytes(array(bytes, 21)?);
            Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        b"VP8X" => Some((le24(bytes, 24)? + 1, le24(bytes, 27)? + 1)),
        _ => None,
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn be16(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(|pair| u16::from_be_bytes(pair).into())
}

fn le16(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(|pair| u16::from_le_bytes(pair).into())
}

fn le24(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(|[a, b, c]: [u8; 3]| u32::from_le_bytes([a, b, c, 0]))
}

/// The smallest header of each format, and more of WebP's three kinds.
#[cfg(test)]
pub(super) fn examples(width: u16, height: u16) -> Vec<(Format, Vec<u8>)> {
    let (w, h) = (u32::from(width), u32::from(height));
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    png.extend(w.to_be_bytes());
    png.extend(h.to_be_bytes());
    // APP0, a fill byte, a table, a lone marker, the frame.
    let mut jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xff\xc4\0\x03x\xff\xd0\xff\xc2\0\x11\x08".to_vec();
    jpeg.extend(height.to_be_bytes());
    jpeg.extend(width.to_be_bytes());
    let mut gif = b"GIF89a".to_vec();
    gif.extend(width.to_le_bytes());
    gif.extend(height.to_le_bytes());
    let webp = |kind: &[u8; 4], rest: &[u8]| [b"RIFF\x40\0\0\0WEBP", &kind[..], b"\x20\0\0\0", rest].concat();
    let lossy = [b"\0\0\0\x9d\x01\x2a", &width.to_le_bytes()[..], &height.to_le_bytes()[..]].concat();
    let lossless = [&[0x2f][..], &((w - 1) | (h - 1) << 14).to_le_bytes()[..]].concat();
    let extended = [&[0, 0, 0, 0], &(w - 1).to_le_bytes()[..3], &(h - 1).to_le_bytes()[..3]].concat();
    vec![
        (Format::Png, png),
        (Format::Jpeg, jpeg),
        (Format::Gif, gif),
        (Format::Webp, webp(b"VP8 ", &lossy)),
        (Format::Webp, webp(b"VP8L", &lossless)),
        (Format::Webp, webp(b"VP8X", &extended)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_tells_its_size() {
        for (format, bytes) in examples(1201, 803) {
            assert_eq!(Format::sniff(&bytes), Some(format));
            assert_eq!(format.size(&bytes), Some((1201, 803)), "{format:?}");
        }
    }

    #[test]
    fn lim_2_a_cut_header_has_no_size_and_nothing_panics() {
        for (format, bytes) in examples(12, 8) {
            for end in 0..bytes.len() {
                assert_eq!(format.size(&bytes[..end]), None, "{format:?} of {end} bytes");
                let _ = Format::sniff(&bytes[..end]);
            }
        }
        // No size; a picture without a frame; a segment shorter than its own length; not a marker.
        for hostile in [
            &b"\xff\xd8\xff\xc0\0\x11\x08\0\0\0\x01"[..],
            b"\xff\xd8\xff\xda\0\x02",
            b"\xff\xd8\xff\xe0\0\x01\xff\xc0",
            b"\xff\xd8\xff\xe0\0\0\0\0\0\0",
            b"\xff\xd8\xff\xe0\0\x02ab",
        ] {
            assert_eq!(Format::Jpeg.size(hostile), None);
        }
        assert_eq!(Format::Gif.size(b"GIF89a\0\0\x01\0"), None);
        assert_eq!(Format::Jpeg.size(&vec![0xff; 1 << 20]), None, "in one pass");
        let segments: Vec<u8> = [0xff, 0xd8].into_iter().chain([0xff, 0xe0, 0, 2].repeat(1 << 18)).collect();
        assert_eq!(Format::Jpeg.size(&segments), None, "in one pass");
    }

    #[test]
    fn lim_2_mutated_headers_never_panic() {
        let seed = std::env::var("SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(rand::random::<u64>);
        let mut state = seed;
        // SplitMix64.
        let mut random = move |bound: usize| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ (z >> 31)) % bound.max(1) as u64) as usize
        };
        for round in 0..100_000 {
            let mut all = examples(random(16_000) as u16 + 1, random(16_000) as u16 + 1);
            let (_, mut bytes) = all.swap_remove(random(all.len()));
            for _ in 0..random(6) {
                let at = random(bytes.len());
                match random(3) {
                    0 => bytes[at] = random(256) as u8,
                    1 => bytes.insert(at, [0, 0xff, 0xd8, 0xc0][random(4)]),
                    _ => bytes.truncate(at.max(1)),
                }
            }
            let read = std::panic::catch_unwind(|| {
                let _ = Format::sniff(&bytes);
                Format::ALL.map(|format| format.size(&bytes))
            });
            assert!(read.is_ok(), "SEED={seed} round {round}: {bytes:?}");
        }
    }
}
