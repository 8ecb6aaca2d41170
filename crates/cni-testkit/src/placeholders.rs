//! Names for what differs from run to run.

/// Replaces random names by numbered ones, in the order they are met.
#[derive(Debug, Default)]
pub(crate) struct Placeholders {
    macs: Vec<String>,
    veths: Vec<String>,
}

impl Placeholders {
    /// Writes `<veth:n>` for random veth names and `<mac:n>` for MAC addresses.
    pub(crate) fn replace(&mut self, text: &str) -> String {
        let mut replaced = String::with_capacity(text.len());
        let mut rest = text;
        while !rest.is_empty() {
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == ':';
            let word_end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let (word, behind) = rest.split_at(word_end);
            replaced.push_str(&self.word(word));
            let next = behind.find(is_word).unwrap_or(behind.len());
            replaced.push_str(&behind[..next]);
            rest = &behind[next..];
        }
        replaced
    }

    /// The same for one word.
    pub(crate) fn word(&mut self, word: &str) -> String {
        if is_random_veth(word) {
            format!("<veth:{}>", number(&mut self.veths, word))
        } else if is_mac(word) {
            format!("<mac:{}>", number(&mut self.macs, word))
        } else {
            word.to_owned()
        }
    }
}

/// Whether a name was made by a plugin: `veth` and eight hexadecimal digits.
fn is_random_veth(name: &str) -> bool {
    name.strip_prefix("veth")
        .is_some_and(|tail| tail.len() == 8 && tail.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn is_mac(word: &str) -> bool {
    let is_pair = |pair: &str| pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit());
    word.len() == 17 && word.split(':').all(is_pair)
}

/// The position of a name among those seen, counted from 1.
fn number(seen: &mut Vec<String>, name: &str) -> usize {
    match seen.iter().position(|known| known == name) {
        Some(index) => index + 1,
        None => {
            seen.push(name.to_owned());
            seen.len()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_names_are_numbered_in_the_order_they_are_met() {
        let text =
            r#"{"a":"vethdeadbeef","mac":"0a:58:0a:01:02:03","b":"veth00000001"} vethdeadbeef"#;
        assert_eq!(
            Placeholders::default().replace(text),
            r#"{"a":"<veth:1>","mac":"<mac:1>","b":"<veth:2>"} <veth:1>"#
        );
    }

    #[test]
    fn addresses_and_chosen_names_stay() {
        let text = "addr 2001:db8::1/64 dev veth0, fd00:1:2:3:4:5:6:7 é vethlonger12345";
        assert_eq!(Placeholders::default().replace(text), text);
    }
}
