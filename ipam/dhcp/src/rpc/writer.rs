//! The encoding of gob: numbers, texts and structures, as `encoding/gob` documents it.

/// Writes an unsigned number: itself when it is small, else its length, negated, and its bytes.
pub(super) fn uint(out: &mut Vec<u8>, value: u64) {
    if value < 0x80 {
        out.push(value as u8);
        return;
    }
    let bytes = value.to_be_bytes();
    let zeros = value.leading_zeros() as usize / 8;
    out.push(((bytes.len() - zeros) as u8).wrapping_neg());
    out.extend_from_slice(&bytes[zeros..]);
}

/// Writes a signed number: the sign goes into the lowest bit.
pub(super) fn int(out: &mut Vec<u8>, value: i64) {
    let bits = (value << 1) ^ (value >> 63);
    uint(out, bits.cast_unsigned());
}

/// Writes bytes or a text.
pub(super) fn bytes(out: &mut Vec<u8>, value: &[u8]) {
    uint(out, value.len() as u64);
    out.extend_from_slice(value);
}

/// Puts the length before a message.
pub(super) fn message(content: Vec<u8>) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 9);
    bytes(&mut out, &content);
    out
}

/// The value of a structure: fields in ascending order, those without a value left out.
pub(super) struct Structure<'o> {
    out: &'o mut Vec<u8>,
    /// The number of the next field, were it written with a step of 0.
    last: usize,
}

impl<'o> Structure<'o> {
    pub(super) fn new(out: &'o mut Vec<u8>) -> Self {
        // Fields count from 0 and steps from the one before the first, so the first step is 1.
        Self { out, last: 0 }
    }

    /// Announces a field, whose value follows.
    pub(super) fn field(&mut self, number: usize) -> &mut Vec<u8> {
        uint(self.out, (number + 1 - self.last) as u64);
        self.last = number + 1;
        self.out
    }

    pub(super) fn bytes(&mut self, number: usize, value: &[u8]) {
        if !value.is_empty() {
            bytes(self.field(number), value);
        }
    }

    pub(super) fn int(&mut self, number: usize, value: i64) {
        if value != 0 {
            int(self.field(number), value);
        }
    }

    pub(super) fn uint(&mut self, number: usize, value: u64) {
        if value != 0 {
            uint(self.field(number), value);
        }
    }

    /// Writes a list, unless it is empty.
    pub(super) fn list<T>(&mut self, number: usize, items: &[T], write: impl Fn(&mut Vec<u8>, &T)) {
        if items.is_empty() {
            return;
        }
        let out = self.field(number);
        uint(out, items.len() as u64);
        for item in items {
            write(out, item);
        }
    }

    pub(super) fn end(self) {
        self.out.push(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_as_many_bytes_as_they_need() {
        let written = |write: &dyn Fn(&mut Vec<u8>)| {
            let mut out = Vec::new();
            write(&mut out);
            out
        };
        for (value, bytes) in
            [(0, &[0][..]), (7, &[7]), (127, &[127]), (128, &[0xff, 128]), (256, &[0xfe, 1, 0])]
        {
            assert_eq!(written(&|out| uint(out, value)), bytes, "{value}");
        }
        for (value, bytes) in
            [(0, &[0][..]), (1, &[2]), (-1, &[1]), (-65, &[0xff, 129]), (-64, &[127])]
        {
            assert_eq!(written(&|out| int(out, value)), bytes, "{value}");
        }
    }
}
