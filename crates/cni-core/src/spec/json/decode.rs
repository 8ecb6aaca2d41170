//! A serde deserializer over the syntax tree with the reference's leniency.

use std::fmt;

use serde::de::value::StringDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess,
    Visitor,
};
use serde_json::Number;

use super::JsonError;
use super::tree::Node;

/// Keys whose `null` reaches the field as the empty text: their types have a text form of their
/// own, which refuses it.
const NULL_IS_TEXT: [&str; 4] = ["subnet", "dst", "address", "ip"];

pub(super) fn decode<T: DeserializeOwned>(node: &Node) -> Result<T, JsonError> {
    T::deserialize(Reader(node.clone())).map_err(|error| JsonError(error.to_string()))
}

/// A wrong value and the path of its key.
#[derive(Debug)]
struct Failure {
    path: String,
    what: String,
}

impl Failure {
    fn of_type(node: &Node, wanted: &str) -> Self {
        Self { path: String::new(), what: format!("cannot read {} as {wanted}", node.shown()) }
    }

    fn under(mut self, key: &str) -> Self {
        if !self.path.is_empty() {
            self.path.insert(0, '.');
        }
        self.path.insert_str(0, key);
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        // The texts of addresses stand alone in the reference's messages.
        if !self.path.is_empty() && !self.what.starts_with("invalid ") {
            write!(f, " in key {}", self.path)?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

impl de::Error for Failure {
    fn custom<T: fmt::Display>(msg: T) -> Self {
        Self { path: String::new(), what: msg.to_string() }
    }
}

/// Reads one value.
struct Reader(Node);

impl Reader {
    fn number(&self) -> Result<&Number, Failure> {
        match &self.0 {
            Node::Number(number) if !number.is_f64() => Ok(number),
            other => Err(Failure::of_type(other, "integer")),
        }
    }
}

impl IntoDeserializer<'_, Failure> for Reader {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Integers: a literal without fraction or exponent, in range; `null` is zero.
macro_rules! integers {
    ($($method:ident $visit:ident $type:ty),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            if matches!(self.0, Node::Null) {
                return visitor.$visit(0);
            }
            let number = self.number()?;
            let value = number
                .as_i128()
                .and_then(|n| <$type>::try_from(n).ok())
                .ok_or_else(|| Failure::of_type(&self.0, stringify!($type)))?;
            visitor.$visit(value)
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.0 {
            Node::Null => visitor.visit_unit(),
            Node::Bool(value) => visitor.visit_bool(value),
            Node::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(n), _, _) => visitor.visit_u64(n),
                (None, Some(n), _) => visitor.visit_i64(n),
                (None, None, n) => visitor.visit_f64(n.unwrap_or_default()),
            },
            Node::String(text) => visitor.visit_string(text),
            Node::Array(items) => visitor.visit_seq(Items::of(items)),
            Node::Object(entries) => visitor.visit_map(Entries::exact(entries)),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.0 {
            Node::Bool(value) => visitor.visit_bool(value),
            Node::Null => visitor.visit_bool(false),
            other => Err(Failure::of_type(&other, "boolean")),
        }
    }

    integers! {
        deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16, deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64, deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.0 {
            Node::String(text) => visitor.visit_string(text),
            Node::Null => visitor.visit_str(""),
            other => Err(Failure::of_type(&other, "string")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.0 {
            Node::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.0 {
            Node::Array(items) => visitor.visit_seq(Items::of(items)),
            Node::Null => visitor.visit_seq(Items::of(Vec::new())),
            other => Err(Failure::of_type(&other, "array")),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.0 {
            Node::Object(entries) => visitor.visit_map(Entries::exact(entries)),
            Node::Null => visitor.visit_map(Entries::exact(Vec::new())),
            other => Err(Failure::of_type(&other, "object")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        match self.0 {
            Node::Object(entries) => visitor.visit_map(Entries::of_fields(entries, fields)),
            Node::Null => visitor.visit_map(Entries::exact(Vec::new())),
            other => Err(Failure::of_type(&other, "object")),
        }
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_str(visitor)
    }

    serde::forward_to_deserialize_any! {
        f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct enum ignored_any i128 u128
    }
}

struct Items {
    items: std::vec::IntoIter<Node>,
    index: usize,
}

impl Items {
    fn of(items: Vec<Node>) -> Self {
        Self { items: items.into_iter(), index: 0 }
    }
}

impl<'de> SeqAccess<'de> for Items {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Failure> {
        let Some(item) = self.items.next() else {
            return Ok(None);
        };
        self.index += 1;
        seed.deserialize(Reader(item))
            .map(Some)
            .map_err(|failure| failure.under(&(self.index - 1).to_string()))
    }
}

/// The entries of an object.
struct Entries {
    entries: std::vec::IntoIter<(String, Node)>,
    current: Option<(String, Node)>,
}

impl Entries {
    /// For maps: keys as written, duplicates too; a map keeps the last by itself.
    fn exact(entries: Vec<(String, Node)>) -> Self {
        Self { entries: entries.into_iter(), current: None }
    }

    /// For structs: keys in any case, unknown ones dropped, duplicates merged, `null` dropped.
    fn of_fields(entries: Vec<(String, Node)>, fields: &'static [&'static str]) -> Self {
        let mut kept: Vec<(String, Node)> = Vec::with_capacity(fields.len());
        for (key, node) in entries {
            let Some(field) = find_field(&key, fields) else {
                continue;
            };
            match kept.iter_mut().find(|(k, _)| k == field) {
                Some((_, earlier)) => {
                    *earlier = std::mem::replace(earlier, Node::Null).overlaid_by(node);
                }
                None => kept.push((field.to_owned(), node)),
            }
        }
        kept.retain(|(field, node)| {
            !matches!(node, Node::Null) || NULL_IS_TEXT.contains(&field.as_str())
        });
        Self { entries: kept.into_iter(), current: None }
    }
}

/// The field a key belongs to: written exactly so, or else so but for case.
pub(super) fn find_field(key: &str, fields: &[&'static str]) -> Option<&'static str> {
    let exact = fields.iter().find(|field| **field == key);
    exact.or_else(|| fields.iter().find(|field| folds_to(key, field))).copied()
}

/// Compares a key with an ASCII field name by Unicode simple folding, under which the long s and
/// the Kelvin sign are letters s and k.
fn folds_to(key: &str, field: &str) -> bool {
    let mut field = field.chars();
    let same = key.chars().all(|c| {
        let folded = match c {
            '\u{17f}' => 's',
            '\u{212a}' => 'k',
            c => c.to_ascii_lowercase(),
        };
        field.next().is_some_and(|f| f.to_ascii_lowercase() == folded)
    });
    same && field.next().is_none()
}

impl<'de> MapAccess<'de> for Entries {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Failure> {
        self.current = self.entries.next();
        match &self.current {
            Some((key, _)) => seed.deserialize(StringDeserializer::new(key.clone())).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        let (key, node) = self.current.take().expect("serde asks for a value after its key");
        seed.deserialize(Reader(node)).map_err(|failure| failure.under(&key))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::super::from_slice;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(default, rename_all = "camelCase")]
    struct Conf {
        bridge: String,
        mtu: i32,
        is_gateway: bool,
        vlan_trunk: Option<Vec<Trunk>>,
        ipam: Trunk,
        capabilities: BTreeMap<String, bool>,
        subnet: Option<String>,
        names: Vec<String>,
    }

    impl Default for Conf {
        fn default() -> Self {
            Self {
                bridge: "cni0".to_owned(),
                mtu: 0,
                is_gateway: false,
                vlan_trunk: None,
                ipam: Trunk::default(),
                capabilities: BTreeMap::new(),
                subnet: None,
                names: Vec::new(),
            }
        }
    }

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default)]
    struct Trunk {
        id: Option<u16>,
        max: i64,
    }

    fn read(text: &str) -> Conf {
        from_slice(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn refused(text: &str) -> String {
        from_slice::<Conf>(text.as_bytes()).expect_err(text).to_string()
    }

    #[test]
    fn keys_match_in_any_case_and_exactly_in_maps() {
        let conf = read(
            r#"{"BRIDGE":"b","ISgateway":true,"\u212aey":1,"capabilities":{"A":true,"a":false}}"#,
        );
        assert_eq!((conf.bridge.as_str(), conf.is_gateway), ("b", true));
        assert_eq!(conf.capabilities.len(), 2);
        assert_eq!(read(r#"{"name\u017f":["a"]}"#).names, ["a"]);
    }

    #[test]
    fn the_last_duplicate_wins_and_objects_merge() {
        let conf = read(r#"{"mtu":1,"MTU":2,"ipam":{"id":5,"max":1},"Ipam":{"max":7}}"#);
        assert_eq!(conf.mtu, 2);
        assert_eq!(conf.ipam, Trunk { id: Some(5), max: 7 });
        let conf = read(r#"{"vlanTrunk":[{"id":1},{"id":2}],"vlanTrunk":[{"max":3}]}"#);
        assert_eq!(conf.vlan_trunk, Some(vec![Trunk { id: Some(1), max: 3 }]));
    }

    #[test]
    fn null_leaves_the_default_or_the_earlier_value() {
        let conf = read(
            r#"{"bridge":null,"mtu":5,"mtu":null,"ipam":null,"vlanTrunk":null,"names":["a",null]}"#,
        );
        assert_eq!((conf.bridge.as_str(), conf.mtu, conf.vlan_trunk), ("cni0", 5, None));
        assert_eq!(conf.names, ["a", ""]);
        assert_eq!(read(r#"{"vlanTrunk":[{}],"vlanTrunk":null}"#).vlan_trunk, None);
        assert_eq!(read("null"), Conf::default());
    }

    #[test]
    fn integers_are_integer_literals_in_range() {
        for text in ["1.0", "1e3", "\"1\"", "2147483648", "true"] {
            assert!(refused(&format!(r#"{{"mtu":{text}}}"#)).ends_with(" in key mtu"), "{text}");
        }
        assert_eq!(
            refused(r#"{"vlanTrunk":[{},{"id":-1}]}"#),
            "cannot read -1 as u16 in key vlanTrunk.1.id"
        );
    }

    #[test]
    fn broken_text_is_repaired_and_broken_syntax_refused() {
        assert_eq!(
            read(r#"{"bridge":"a\ud800b\ud83d\ude00\\ud800"}"#).bridge,
            "a\u{fffd}b😀\\ud800"
        );
        assert_eq!(
            from_slice::<Conf>(b"{\"bridge\":\"\xff\"}").expect("repaired").bridge,
            "\u{fffd}"
        );
        assert_eq!(refused(""), "unexpected end of JSON input");
        assert_eq!(refused("  "), "unexpected end of JSON input");
        assert!(refused("{} x").starts_with("trailing characters"));
        assert!(from_slice::<Conf>(b"\xef\xbb\xbf{}").is_err());
        assert!(refused(&"[".repeat(10 << 20)).starts_with("recursion limit exceeded"));
    }
}
