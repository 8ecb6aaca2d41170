//! The known word that a misspelt one was probably meant to be.

/// Finds the nearest of some words, if one is near: every third letter may be wrong.
pub fn find_nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |word: &str| -> Vec<char> {
        word.chars().filter(|c| !matches!(c, '_' | '-')).flat_map(char::to_lowercase).collect()
    };
    let word = plain(word);
    let near = known.into_iter().map(|known| (distance(&word, &plain(known)), known));
    let (distance, nearest) = near.min_by_key(|(distance, _)| *distance)?;
    (distance * 3 <= word.len()).then_some(nearest)
}

/// How many letters have to be put in, left out, replaced, or swapped with their neighbour.
fn distance(one: &[char], two: &[char]) -> usize {
    let mut rows = vec![vec![0; two.len() + 1]; one.len() + 1];
    for i in 0..=one.len() {
        for j in 0..=two.len() {
            rows[i][j] = match (i, j) {
                (0, n) | (n, 0) => n,
                _ => {
                    let replaced = rows[i - 1][j - 1] + usize::from(one[i - 1] != two[j - 1]);
                    let best = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                    let is_swapped =
                        i > 1 && j > 1 && one[i - 1] == two[j - 2] && one[i - 2] == two[j - 1];
                    if is_swapped { best.min(rows[i - 2][j - 2] + 1) } else { best }
                }
            };
        }
    }
    rows[one.len()][two.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found_where_one_is_near() {
        let known = ["isGateway", "isDefaultGateway", "ipMasq", "mtu", "vlan", "vlanTrunk"];
        for (word, nearest) in [
            ("isGatway", Some("isGateway")),
            ("is_gateway", Some("isGateway")),
            ("ipmask", Some("ipMasq")),
            ("mut", Some("mtu")),
            ("vlanTruncs", Some("vlanTrunk")),
            ("defaultGateway", Some("isDefaultGateway")),
            ("master", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(find_nearest(word, known), nearest, "{word}");
        }
    }
}
