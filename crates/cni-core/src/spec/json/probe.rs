//! A deserializer that has no document: it notes what a type asks for.

use std::cell::RefCell;
use std::fmt;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor,
};

use super::shape::Shape;

/// A step into a document.
#[derive(Clone, Copy)]
pub(super) enum Step {
    Field(&'static str),
    Key,
    Element,
}

/// Asks the type for its shape at a path, and then for those below.
pub(super) fn shape_at<T: DeserializeOwned>(path: &mut Vec<Step>) -> Shape {
    let asked = RefCell::new(None);
    // The probe ends every attempt with an error, unless the type keeps its mistakes for later.
    let _ = T::deserialize(Probe { path, asked: &asked });
    let mut below = |step| {
        path.push(step);
        let shape = shape_at::<T>(path);
        path.pop();
        shape
    };
    match asked.into_inner() {
        Some(Asked::For(shape)) => shape,
        Some(Asked::ForList) => Shape::List(Box::new(below(Step::Element))),
        Some(Asked::ForMap) => Shape::Map(Box::new(below(Step::Key))),
        Some(Asked::ForFields(names)) => {
            Shape::Object(names.iter().map(|name| (*name, below(Step::Field(name)))).collect())
        }
        None => Shape::Anything,
    }
}

/// What the type asked for at the end of the path.
enum Asked {
    For(Shape),
    ForList,
    ForMap,
    ForFields(&'static [&'static str]),
}

/// A document that has nothing but a path, and notes what is asked for at its end.
struct Probe<'a> {
    path: &'a [Step],
    asked: &'a RefCell<Option<Asked>>,
}

/// The end of a path.
#[derive(Debug)]
struct Stop;

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no value")
    }
}

impl std::error::Error for Stop {}

impl de::Error for Stop {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

impl Probe<'_> {
    /// Notes what is asked for, which ends the attempt.
    fn note<T>(self, asked: Asked) -> Result<T, Stop> {
        self.asked.replace(Some(asked));
        Err(Stop)
    }
}

/// Methods for numbers, with the bounds of their types.
macro_rules! integers {
    ($($method:ident $type:ty),*) => {$(
        fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stop> {
            let (least, most) = (i128::from(<$type>::MIN), i128::from(<$type>::MAX));
            self.note(Asked::For(Shape::Integer { least, most }))
        }
    )*};
}

/// Methods for what has one shape.
macro_rules! noted {
    ($($method:ident $shape:ident),*) => {$(
        fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stop> {
            self.note(Asked::For(Shape::$shape))
        }
    )*};
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Stop;

    noted! {
        deserialize_any Anything, deserialize_bool Bool, deserialize_str Text,
        deserialize_string Text, deserialize_identifier Text
    }

    integers! {
        deserialize_i8 i8, deserialize_i16 i16, deserialize_i32 i32, deserialize_i64 i64,
        deserialize_u8 u8, deserialize_u16 u16, deserialize_u32 u32, deserialize_u64 u64
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        match self.path {
            [_, rest @ ..] => visitor.visit_seq(Only::of("", Probe { path: rest, ..self })),
            [] => self.note(Asked::ForList),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        match self.path {
            [_, rest @ ..] => visitor.visit_map(Only::of("key", Probe { path: rest, ..self })),
            [] => self.note(Asked::ForMap),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        match self.path {
            [Step::Field(name), rest @ ..] => {
                visitor.visit_map(Only::of(name, Probe { path: rest, ..self }))
            }
            _ => self.note(Asked::ForFields(fields)),
        }
    }

    serde::forward_to_deserialize_any! {
        f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct enum ignored_any i128 u128
    }
}

/// The only element or entry of a list, map or object.
struct Only<'a> {
    key: &'static str,
    value: Option<Probe<'a>>,
}

impl<'a> Only<'a> {
    fn of(key: &'static str, value: Probe<'a>) -> Self {
        Self { key, value: Some(value) }
    }
}

impl<'de> SeqAccess<'de> for Only<'_> {
    type Error = Stop;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Stop> {
        self.value.take().map(|value| seed.deserialize(value)).transpose()
    }
}

impl<'de> MapAccess<'de> for Only<'_> {
    type Error = Stop;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Stop> {
        match self.value {
            Some(_) => seed.deserialize(BorrowedStrDeserializer::new(self.key)).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Stop> {
        seed.deserialize(self.value.take().ok_or(Stop)?)
    }
}
