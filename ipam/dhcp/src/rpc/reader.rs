//! The decoding of gob: a stream says what its types are, and values follow their types.

use std::collections::HashMap;

use super::definition::builtin;

/// A value without its type. Numbers of any kind have 64 bits; a sign stays in the lowest one.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Number(u64),
    Bytes(Vec<u8>),
    List(Vec<Value>),
    Struct(HashMap<String, Value>),
}

/// What is wrong with a stream.
pub(super) type Malformed = &'static str;

enum Type {
    Slice(i64),
    Struct(Vec<(String, i64)>),
}

/// The types a stream has introduced so far.
#[derive(Default)]
pub(super) struct Reader {
    types: HashMap<i64, Type>,
}

/// Deeper nesting than any message has.
const DEEPEST: usize = 16;

/// More types than any stream has.
const MOST_TYPES: usize = 256;

/// More bytes than the description of any type has.
const LONGEST_DESCRIPTION: usize = 4096;

/// More values than any message has. One takes many times the memory of the byte that it may be.
const MOST_VALUES: usize = 1 << 16;

impl Reader {
    /// Reads one message, without its length; `None` when it only introduced a type.
    pub(super) fn read(&mut self, message: &[u8]) -> Result<Option<Value>, Malformed> {
        let mut cursor = Cursor(message);
        let id = cursor.int()?;
        if id < 0 {
            if self.types.len() >= MOST_TYPES || message.len() > LONGEST_DESCRIPTION {
                return Err("too many types, or too long a one");
            }
            self.types.insert(id.wrapping_neg(), cursor.wire_type()?);
            return Ok(None);
        }
        if !matches!(self.types.get(&id), Some(Type::Struct(_))) {
            return Err("a message is no structure");
        }
        let mut left = MOST_VALUES;
        let value = self.value(&mut cursor, id, 0, &mut left)?;
        if cursor.0.is_empty() { Ok(Some(value)) } else { Err("a message is too long") }
    }

    fn value(
        &self,
        cursor: &mut Cursor<'_>,
        id: i64,
        depth: usize,
        left: &mut usize,
    ) -> Result<Value, Malformed> {
        if depth > DEEPEST {
            return Err("a value is nested too deeply");
        }
        *left = left.checked_sub(1).ok_or("a message has too many values")?;
        match id {
            builtin::BOOL | builtin::INT | builtin::UINT | builtin::FLOAT => {
                return Ok(Value::Number(cursor.uint()?));
            }
            builtin::BYTES | builtin::STRING => return Ok(Value::Bytes(cursor.bytes()?.to_vec())),
            _ => {}
        }
        match self.types.get(&id).ok_or("a type is unknown")? {
            Type::Slice(element) => {
                let count = cursor.len()?;
                (0..count)
                    .map(|_| self.value(cursor, *element, depth + 1, left))
                    .collect::<Result<_, _>>()
                    .map(Value::List)
            }
            Type::Struct(fields) => {
                let mut values = HashMap::new();
                let mut next = 0;
                while let Some(number) = cursor.step(&mut next)? {
                    let (name, id) = fields.get(number).ok_or("a field is unknown")?;
                    values.insert(name.clone(), self.value(cursor, *id, depth + 1, left)?);
                }
                Ok(Value::Struct(values))
            }
        }
    }
}

impl Value {
    /// Takes a field out of a structure; `None` when it was left out.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        match self {
            Self::Struct(fields) => fields.remove(name),
            _ => None,
        }
    }

    /// A field that is bytes; empty when it was left out.
    pub(super) fn bytes(&mut self, name: &str) -> Vec<u8> {
        match self.take(name) {
            Some(Self::Bytes(bytes)) => bytes,
            _ => Vec::new(),
        }
    }

    /// A field that is a text; empty when it was left out.
    pub(super) fn text(&mut self, name: &str) -> String {
        String::from_utf8_lossy(&self.bytes(name)).into_owned()
    }

    /// A field that is an unsigned number; 0 when it was left out.
    pub(super) fn uint(&mut self, name: &str) -> u64 {
        match self.take(name) {
            Some(Self::Number(number)) => number,
            _ => 0,
        }
    }

    /// A field that is a signed number; `None` when it was left out.
    pub(super) fn int(&mut self, name: &str) -> Option<i64> {
        match self.take(name) {
            Some(Self::Number(number)) => Some(signed(number)),
            _ => None,
        }
    }

    /// A field that is a list; empty when it was left out.
    pub(super) fn list(&mut self, name: &str) -> Vec<Value> {
        match self.take(name) {
            Some(Self::List(items)) => items,
            _ => Vec::new(),
        }
    }

    /// A field that is a list of texts; empty when it was left out.
    pub(super) fn texts(&mut self, name: &str) -> Vec<String> {
        let text = |item| match item {
            Self::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
            _ => None,
        };
        self.list(name).into_iter().filter_map(text).collect()
    }
}

fn signed(bits: u64) -> i64 {
    let value = (bits >> 1).cast_signed();
    if bits & 1 == 1 { !value } else { value }
}

/// What is left of a message, or of a buffer that messages arrive in.
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn uint(&mut self) -> Result<u64, Malformed> {
        let (first, rest) = self.0.split_first().ok_or("a message is too short")?;
        self.0 = rest;
        if *first < 0x80 {
            return Ok((*first).into());
        }
        let len = usize::from(first.wrapping_neg());
        if len > size_of::<u64>() {
            return Err("a number is too long");
        }
        Ok(self.slice(len)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// A number, unless a part of it is still to come.
    pub(super) fn complete_uint(&mut self) -> Result<Option<u64>, Malformed> {
        let Some(first) = self.0.first() else { return Ok(None) };
        let rest = if *first < 0x80 { 0 } else { usize::from(first.wrapping_neg()) };
        if rest <= size_of::<u64>() && self.0.len() <= rest {
            return Ok(None);
        }
        self.uint().map(Some)
    }

    fn int(&mut self) -> Result<i64, Malformed> {
        self.uint().map(signed)
    }

    fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let len = self.len()?;
        self.slice(len)
    }

    fn text(&mut self) -> Result<String, Malformed> {
        Ok(String::from_utf8_lossy(self.bytes()?).into_owned())
    }

    /// A number of things that each take at least one byte.
    fn len(&mut self) -> Result<usize, Malformed> {
        let len = usize::try_from(self.uint()?).ok().filter(|len| *len <= self.0.len());
        len.ok_or("a message is too short")
    }

    fn slice(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (slice, rest) = self.0.split_at_checked(len).ok_or("a message is too short")?;
        self.0 = rest;
        Ok(slice)
    }

    /// The number of the next field of a structure; `None` at its end. `next` begins as 0.
    fn step(&mut self, next: &mut usize) -> Result<Option<usize>, Malformed> {
        let step = usize::try_from(self.uint()?).map_err(|_| "a field is unknown")?;
        if step == 0 {
            return Ok(None);
        }
        *next = next.checked_add(step).ok_or("a field is unknown")?;
        Ok(Some(*next - 1))
    }

    /// A type's description, which itself is a structure of a type that is not described.
    fn wire_type(&mut self) -> Result<Type, Malformed> {
        let mut next = 0;
        let described = match self.step(&mut next)? {
            Some(1) => self.described_slice()?,
            Some(2) => self.described_struct()?,
            _ => return Err("a type is neither a list nor a structure"),
        };
        match self.step(&mut next)? {
            None if self.0.is_empty() => Ok(described),
            _ => Err("a type is described twice"),
        }
    }

    fn described_slice(&mut self) -> Result<Type, Malformed> {
        let (mut next, mut element) = (0, None);
        while let Some(number) = self.step(&mut next)? {
            match number {
                0 => self.common()?,
                1 => element = Some(self.int()?),
                _ => return Err("a type has an unknown part"),
            }
        }
        element.map(Type::Slice).ok_or("a list is of no type")
    }

    fn described_struct(&mut self) -> Result<Type, Malformed> {
        let (mut next, mut fields) = (0, Vec::new());
        while let Some(number) = self.step(&mut next)? {
            match number {
                0 => self.common()?,
                1 => {
                    for _ in 0..self.len()? {
                        fields.push(self.name_and_number()?);
                    }
                }
                _ => return Err("a type has an unknown part"),
            }
        }
        Ok(Type::Struct(fields))
    }

    /// The type's own name and number: the one is informative, the other known.
    fn common(&mut self) -> Result<(), Malformed> {
        self.name_and_number().map(drop)
    }

    fn name_and_number(&mut self) -> Result<(String, i64), Malformed> {
        let (mut next, mut name, mut id) = (0, String::new(), 0);
        while let Some(number) = self.step(&mut next)? {
            match number {
                0 => name = self.text()?,
                1 => id = self.int()?,
                _ => return Err("a type has an unknown part"),
            }
        }
        Ok((name, id))
    }
}
