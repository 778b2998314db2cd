//! A line whose both directions are compressed (RFC 1951), as IMAP's COMPRESS=DEFLATE has it (RFC 4978).
//!
//! What comes is unpacked a bounded piece at a time, and only as far as the last piece was taken: a few bytes that
//! announce a gigabyte take the room of one piece.

use std::io;

use bytes::{Buf as _, BytesMut};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// Bytes unpacked at a time.
const PIECE: usize = 32 << 10;

/// Both directions of a line.
#[derive(Debug)]
pub struct Deflated {
    compress: Compress,
    decompress: Decompress,
    packed: BytesMut,
    piece: Box<[u8]>,
}

impl Deflated {
    /// From here on everything is compressed. `packed`: what came already.
    pub fn new(packed: BytesMut) -> Self {
        Self {
            compress: Compress::new(Compression::default(), false),
            decompress: Decompress::new(false),
            packed,
            piece: vec![0; PIECE].into(),
        }
    }

    /// Where the bytes from the line go.
    pub const fn packed(&mut self) -> &mut BytesMut {
        &mut self.packed
    }

    /// Unpacks the next piece. Gives whether there was any; if not, more bytes from the line are needed.
    ///
    /// # Errors
    /// `InvalidData`: what came is not compressed, or the stream has ended.
    pub fn unpack(&mut self, into: &mut BytesMut) -> io::Result<bool> {
        let (read, written) = (self.decompress.total_in(), self.decompress.total_out());
        let status = self.decompress.decompress(&self.packed, &mut self.piece, FlushDecompress::Sync);
        let status = status.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let done = |now: u64, before: u64| usize::try_from(now - before).unwrap_or_default();
        self.packed.advance(done(self.decompress.total_in(), read));
        let got = done(self.decompress.total_out(), written);
        into.extend_from_slice(self.piece.get(..got).unwrap_or_default());
        match status {
            Status::StreamEnd => Err(io::Error::new(io::ErrorKind::InvalidData, "the compressed stream ends")),
            Status::Ok | Status::BufError => Ok(got > 0),
        }
    }

    /// Packs what is to go out, so that the other side can read all of it.
    ///
    /// # Errors
    /// The packer refuses.
    pub fn pack(&mut self, plain: &[u8]) -> io::Result<Vec<u8>> {
        let mut packed = Vec::with_capacity(plain.len() + 64);
        let mut left = plain;
        loop {
            let before = self.compress.total_in();
            self.compress.compress_vec(left, &mut packed, FlushCompress::Sync)?;
            let taken = usize::try_from(self.compress.total_in() - before).unwrap_or_default();
            left = left.get(taken..).unwrap_or_default();
            // Room left over means that nothing more waits to go out.
            if left.is_empty() && packed.len() < packed.capacity() {
                return Ok(packed);
            }
            packed.reserve(PIECE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpacked(line: &mut Deflated) -> Vec<u8> {
        let mut plain = BytesMut::new();
        while line.unpack(&mut plain).unwrap() {}
        plain.to_vec()
    }

    #[test]
    fn what_goes_in_comes_out_wherever_it_is_cut() {
        let text: Vec<u8> = (0..200_000_u32).flat_map(|number| number.to_string().into_bytes()).collect();
        let mut there = Deflated::new(BytesMut::new());
        let packed = [there.pack(b"A1 NOOP\r\n").unwrap(), there.pack(&text).unwrap()].concat();
        for size in [1, 777, packed.len()] {
            let mut here = Deflated::new(BytesMut::new());
            let mut plain = Vec::new();
            for chunk in packed.chunks(size) {
                here.packed().extend_from_slice(chunk);
                plain.extend(unpacked(&mut here));
            }
            assert!(plain.strip_prefix(b"A1 NOOP\r\n") == Some(&text[..]), "cut at every {size}");
        }
    }

    #[test]
    fn a_bomb_takes_the_room_of_one_piece() {
        let bomb = Deflated::new(BytesMut::new()).pack(&vec![0; 8 << 20]).unwrap();
        assert!(bomb.len() < 16 << 10);
        let mut here = Deflated::new(bomb.as_slice().into());
        let (mut plain, mut total) = (BytesMut::new(), 0);
        while here.unpack(&mut plain).unwrap() {
            assert!(plain.len() <= PIECE);
            total += plain.len();
            plain.clear();
        }
        assert_eq!(total, 8 << 20);
    }

    #[test]
    fn what_is_not_compressed_is_refused() {
        // A kind of block that there isn't (RFC 1951 section 3.2.3).
        let mut here = Deflated::new([0b111_u8; 300].as_slice().into());
        let error = here.unpack(&mut BytesMut::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
