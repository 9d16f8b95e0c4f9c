//! Packed bodies (`Content-Encoding`): unpacked piece by piece, within a size and a ratio.

use std::io::{self, Write};

use axum::http::HeaderMap;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};

use super::super::problem::{Kind, Problem};
use super::too_large;
use crate::limits::{UNPACK_RATIO_MAX, UNPACKED_FREE_BYTES, UNPACKED_PIECE_BYTES_MAX, ZSTD_WINDOW_LOG_MAX};

/// Bytes that zstd unpacks at once.
const PIECE_BYTES: usize = 64 << 10;

/// The codings that are taken, as a header says it.
const TAKEN: &str = "gzip, zstd";

/// Unpacks one body.
pub struct Unpacker {
    coding: Coding,
    taken: usize,
    given: usize,
    bytes_max: Option<usize>,
}

enum Coding {
    Gzip(Box<MultiGzDecoder<Room>>),
    Zstd {
        decoder: Decoder<'static>,
        /// The last piece ended a frame.
        ended: bool,
    },
}

/// Where gzip unpacks to: so much fits until the next piece.
struct Room {
    bytes: Vec<u8>,
    left: usize,
}

impl Write for Room {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.left {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        self.left -= bytes.len();
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Unpacker {
    /// What a body needs by its headers; `None` when it is not packed. `bytes_max` is for the unpacked body;
    /// `None` for a stream, of which each piece is bounded.
    ///
    /// # Errors
    /// `unsupported-media-type` for any other coding, or for more than one.
    pub fn of(headers: &HeaderMap, bytes_max: Option<usize>) -> Result<Option<Self>, Problem> {
        let mut said = headers.get_all(CONTENT_ENCODING).iter();
        let (Some(coding), None) = (said.next(), said.next()) else {
            return if headers.contains_key(CONTENT_ENCODING) { Err(refused()) } else { Ok(None) };
        };
        let coding = coding.to_str().unwrap_or("?").trim().to_ascii_lowercase();
        let coding = match coding.as_str() {
            "identity" | "" => return Ok(None),
            "gzip" | "x-gzip" => {
                Coding::Gzip(Box::new(MultiGzDecoder::new(Room { bytes: Vec::new(), left: 0 })))
            }
            "zstd" => {
                let broken = |error: io::Error| Problem::internal("setting up zstd", &error);
                let mut decoder = Decoder::new().map_err(broken)?;
                decoder.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG_MAX)).map_err(broken)?;
                Coding::Zstd { decoder, ended: true }
            }
            _ => return Err(refused()),
        };
        Ok(Some(Self { coding, taken: 0, given: 0, bytes_max }))
    }

    /// Unpacks the next bytes of the body.
    ///
    /// # Errors
    /// `payload-too-large` past the size or the ratio, `invalid-request` for what was not packed so.
    pub fn push(&mut self, packed: &[u8]) -> Result<Bytes, Problem> {
        self.taken += packed.len();
        let ratio_max = self.taken.saturating_mul(UNPACK_RATIO_MAX).max(UNPACKED_FREE_BYTES);
        let all = self.bytes_max.unwrap_or(usize::MAX).min(ratio_max);
        let left = all.saturating_sub(self.given);
        let left = if self.bytes_max.is_none() { left.min(UNPACKED_PIECE_BYTES_MAX) } else { left };
        let unpacked = match &mut self.coding {
            Coding::Gzip(decoder) => {
                decoder.get_mut().left = left;
                let done = decoder.write_all(packed).and_then(|()| decoder.flush());
                done.map(|()| std::mem::take(&mut decoder.get_mut().bytes))
            }
            Coding::Zstd { decoder, ended } => unzstd(decoder, ended, packed, left),
        };
        match unpacked {
            Ok(bytes) => {
                self.given += bytes.len();
                Ok(bytes.into())
            }
            Err(error) if error.kind() == io::ErrorKind::QuotaExceeded => Err(match self.bytes_max {
                Some(bytes_max) if bytes_max <= ratio_max => too_large(bytes_max),
                _ => {
                    let detail = format!(
                        "a body may unpack to at most {UNPACK_RATIO_MAX} times its size, \
                         and a piece of a stream to {UNPACKED_PIECE_BYTES_MAX} bytes"
                    );
                    let problem = Problem::new(Kind::PayloadTooLarge, detail);
                    problem.with("limit", "unpack_ratio_max".into()).with("max", UNPACK_RATIO_MAX.into())
                }
            }),
            Err(error) => Err(self.broken(&error)),
        }
    }

    /// Checks that the body ended where its packing does.
    ///
    /// # Errors
    /// `invalid-request` when something is missing.
    pub fn finish(mut self) -> Result<(), Problem> {
        let whole = match &mut self.coding {
            // Nothing at all is no gzip, but an empty body.
            Coding::Gzip(_) if self.taken == 0 => Ok(()),
            Coding::Gzip(decoder) => decoder.try_finish(),
            Coding::Zstd { ended: true, .. } => Ok(()),
            Coding::Zstd { .. } => Err(io::ErrorKind::UnexpectedEof.into()),
        };
        whole.map_err(|error| self.broken(&error))
    }

    fn broken(&self, error: &io::Error) -> Problem {
        let coding = match self.coding {
            Coding::Gzip(_) => "gzip",
            Coding::Zstd { .. } => "zstd",
        };
        Problem::new(Kind::InvalidRequest, format!("the body is not {coding} to its end: {error}"))
    }
}

fn unzstd(decoder: &mut Decoder<'_>, ended: &mut bool, packed: &[u8], left: usize) -> io::Result<Vec<u8>> {
    let mut unpacked = Vec::new();
    let mut piece = vec![0; PIECE_BYTES];
    let mut input = InBuffer::around(packed);
    loop {
        let mut output = OutBuffer::around(piece.as_mut_slice());
        let hint = decoder.run(&mut input, &mut output)?;
        let given = output.as_slice();
        if unpacked.len() + given.len() > left {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        let full = given.len() == PIECE_BYTES;
        unpacked.extend_from_slice(given);
        if !packed.is_empty() {
            *ended = hint == 0;
        }
        if input.pos() == packed.len() && !full {
            return Ok(unpacked);
        }
    }
}

fn refused() -> Problem {
    let problem = Problem::new(Kind::UnsupportedMediaType, format!("a body may be packed as {TAKEN}, once"));
    problem.header(ACCEPT_ENCODING, TAKEN)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::Compression;
    use flate2::read::GzEncoder;

    use super::*;

    fn packed(coding: &str, bytes: &[u8]) -> Vec<u8> {
        match coding {
            "gzip" => {
                let mut packed = Vec::new();
                GzEncoder::new(bytes, Compression::default()).read_to_end(&mut packed).unwrap();
                packed
            }
            _ => zstd::encode_all(bytes, 3).unwrap(),
        }
    }

    fn unpack(
        coding: &str,
        bytes: &[u8],
        piece: usize,
        bytes_max: Option<usize>,
    ) -> Result<Vec<u8>, Problem> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, coding.parse().unwrap());
        let mut unpacker = Unpacker::of(&headers, bytes_max)?.unwrap();
        let mut unpacked = Vec::new();
        for piece in bytes.chunks(piece) {
            unpacked.extend_from_slice(&unpacker.push(piece)?);
        }
        unpacker.finish()?;
        Ok(unpacked)
    }

    /// Bytes that do not pack well.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 7_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        (0..length).map(|_| next()).collect()
    }

    #[test]
    fn what_was_packed_comes_out_whatever_pieces_it_comes_in() {
        for coding in ["gzip", "zstd"] {
            for bytes in [Vec::new(), b"{}".to_vec(), noise(300_000), vec![b'a'; 900_000]] {
                let mut twice = packed(coding, &bytes);
                for piece in [1, 7, 1_000, 1 << 20] {
                    assert_eq!(unpack(coding, &twice, piece, None).unwrap(), bytes, "{coding} {piece}");
                }
                // Members and frames may follow each other.
                twice.extend(packed(coding, b"more"));
                let expected = [&bytes[..], b"more"].concat();
                assert_eq!(unpack(coding, &twice, 1_000, None).unwrap(), expected, "{coding}");
            }
            assert_eq!(unpack(coding, b"", 1, None).unwrap(), b"");
        }
    }

    /// What came before does not pay for a piece that is a bomb: it would be in memory at once.
    #[test]
    fn a_piece_of_a_stream_is_bounded_whatever_came_before() {
        for coding in ["gzip", "zstd"] {
            let before = packed(coding, &noise(2 << 20));
            let bomb = packed(coding, &vec![0; UNPACKED_PIECE_BYTES_MAX + (1 << 20)]);
            assert!(bomb.len() < 1 << 16, "one piece");
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_ENCODING, coding.parse().unwrap());
            let mut unpacker = Unpacker::of(&headers, None).unwrap().unwrap();
            before.chunks(1 << 16).for_each(|piece| drop(unpacker.push(piece).unwrap()));
            let problem = unpacker.push(&bomb).unwrap_err();
            assert_eq!(problem.to_json()["limit"], "unpack_ratio_max", "{coding}");
        }
    }

    #[test]
    fn a_bomb_is_stopped_at_its_size_and_at_its_ratio() {
        for coding in ["gzip", "zstd"] {
            let bomb = packed(coding, &vec![0; 8 << 20]);
            let ratio = unpack(coding, &bomb, 1 << 16, None).unwrap_err();
            assert_eq!(ratio.to_json()["limit"], "unpack_ratio_max", "{coding}");
            let size = unpack(coding, &bomb, 1 << 16, Some(100_000)).unwrap_err();
            assert_eq!((size.kind(), &size.to_json()["bytes_max"]), (Kind::PayloadTooLarge, &100_000.into()));
            let fits = packed(coding, &noise(100_000));
            assert!(unpack(coding, &fits, 1 << 16, Some(100_000)).is_ok());
            assert!(unpack(coding, &fits, 1 << 16, Some(99_999)).is_err());
        }
        // A frame that needs a window of 2 GiB is refused before anything is set aside for it.
        let header = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x00, 0x00];
        assert_eq!(unpack("zstd", &header, 8, None).unwrap_err().kind(), Kind::InvalidRequest);
    }

    #[test]
    fn what_is_broken_or_packed_otherwise_is_refused() {
        for coding in ["gzip", "zstd"] {
            let good = packed(coding, &noise(1_000));
            for bad in [&good[..good.len() - 1], &good[..5], b"{\"event\":1}"] {
                assert_eq!(
                    unpack(coding, bad, 100, None).unwrap_err().kind(),
                    Kind::InvalidRequest,
                    "{coding}"
                );
            }
        }
        for other in ["br", "deflate", "gzip, zstd", "snappy"] {
            let problem = unpack(other, b"", 1, None).unwrap_err();
            assert_eq!(problem.kind(), Kind::UnsupportedMediaType, "{other}");
        }
    }
}
