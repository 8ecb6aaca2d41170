//! The types that we send, described the way a gob stream wants it before their first value.

use super::writer::{Structure, bytes, int, message, uint};

/// Numbers of the types every stream knows.
pub(super) mod builtin {
    pub(crate) const BOOL: i64 = 1;
    pub(crate) const INT: i64 = 2;
    pub(crate) const UINT: i64 = 3;
    pub(crate) const FLOAT: i64 = 4;
    pub(crate) const BYTES: i64 = 5;
    pub(crate) const STRING: i64 = 6;
}
use builtin::{BYTES, INT, STRING, UINT};

/// A type with the number it has in our streams.
pub(super) struct Definition {
    /// Informative only.
    name: &'static str,
    pub(super) id: i64,
    shape: Shape,
}

enum Shape {
    /// Fields with the numbers of their types. A reader finds them by their names.
    Struct(&'static [(&'static str, i64)]),
    /// A list of this type.
    Slice(i64),
}

/// Header of a call, and what it carries.
pub(super) const CALL: [Definition; 2] = [
    Definition {
        name: "Request",
        id: 64,
        shape: Shape::Struct(&[("ServiceMethod", STRING), ("Seq", UINT)]),
    },
    Definition {
        name: "CmdArgs",
        id: 65,
        shape: Shape::Struct(&[
            ("ContainerID", STRING),
            ("Netns", STRING),
            ("IfName", STRING),
            ("Args", STRING),
            ("Path", STRING),
            ("NetnsOverride", STRING),
            ("StdinData", BYTES),
        ]),
    },
];

/// Header of an answer.
pub(super) const ANSWER: Definition = Definition {
    name: "Response",
    id: 64,
    shape: Shape::Struct(&[("ServiceMethod", STRING), ("Seq", UINT), ("Error", STRING)]),
};

/// What an answer without a result carries.
pub(super) const NOTHING: Definition = Definition { name: "", id: 75, shape: Shape::Struct(&[]) };

/// A result and what it consists of, in the reference's order.
pub(super) const RESULT: [Definition; 10] = [
    Definition {
        name: "Result",
        id: 65,
        shape: Shape::Struct(&[
            ("CNIVersion", STRING),
            ("Interfaces", 67),
            ("IPs", 70),
            ("Routes", 72),
            ("DNS", 73),
        ]),
    },
    Definition { name: "[]*types100.Interface", id: 67, shape: Shape::Slice(66) },
    Definition {
        name: "",
        id: 66,
        shape: Shape::Struct(&[
            ("Name", STRING),
            ("Mac", STRING),
            ("Mtu", INT),
            ("Sandbox", STRING),
            ("SocketPath", STRING),
            ("PciID", STRING),
        ]),
    },
    Definition { name: "[]*types100.IPConfig", id: 70, shape: Shape::Slice(68) },
    Definition {
        name: "",
        id: 68,
        shape: Shape::Struct(&[("Interface", INT), ("Address", 69), ("Gateway", BYTES)]),
    },
    Definition { name: "IPNet", id: 69, shape: Shape::Struct(&[("IP", BYTES), ("Mask", BYTES)]) },
    Definition { name: "[]*types.Route", id: 72, shape: Shape::Slice(71) },
    Definition {
        name: "",
        id: 71,
        shape: Shape::Struct(&[
            ("Dst", 69),
            ("GW", BYTES),
            ("MTU", INT),
            ("AdvMSS", INT),
            ("Priority", INT),
            ("Table", INT),
            ("Scope", INT),
        ]),
    },
    Definition {
        name: "DNS",
        id: 73,
        shape: Shape::Struct(&[
            ("Nameservers", 74),
            ("Domain", STRING),
            ("Search", 74),
            ("Options", 74),
        ]),
    },
    Definition { name: "[]string", id: 74, shape: Shape::Slice(STRING) },
];

impl Definition {
    /// The message that introduces the type.
    pub(super) fn message(&self) -> Vec<u8> {
        let mut out = Vec::new();
        int(&mut out, -self.id);
        let mut wire_type = Structure::new(&mut out);
        match self.shape {
            Shape::Slice(element) => {
                let mut slice = Structure::new(wire_type.field(1));
                self.common(slice.field(0));
                slice.int(1, element);
                slice.end();
            }
            Shape::Struct(fields) => {
                let mut structure = Structure::new(wire_type.field(2));
                self.common(structure.field(0));
                structure.list(1, fields, |out, (name, id)| {
                    let mut field = Structure::new(out);
                    field.bytes(0, name.as_bytes());
                    field.int(1, *id);
                    field.end();
                });
                structure.end();
            }
        }
        wire_type.end();
        message(out)
    }

    fn common(&self, out: &mut Vec<u8>) {
        let mut common = Structure::new(out);
        common.bytes(0, self.name.as_bytes());
        common.int(1, self.id);
        common.end();
    }

    /// The message with a value of the type.
    pub(super) fn value(&self, write: impl FnOnce(&mut Structure<'_>)) -> Vec<u8> {
        let mut out = Vec::new();
        int(&mut out, self.id);
        let mut structure = Structure::new(&mut out);
        write(&mut structure);
        structure.end();
        message(out)
    }
}

/// Writes a list of texts as one field's value.
pub(super) fn texts(structure: &mut Structure<'_>, number: usize, texts: &[String]) {
    if !texts.is_empty() {
        let out = structure.field(number);
        uint(out, texts.len() as u64);
        for text in texts {
            bytes(out, text.as_bytes());
        }
    }
}
