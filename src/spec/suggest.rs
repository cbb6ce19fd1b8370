//! "Did you mean …": the nearest of a few known words.

/// The candidate that was probably meant, if one is near enough to say so.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let wanted = plain(word);
    let candidates: Vec<&str> = candidates.into_iter().collect();
    // What other versions of YAML call so.
    let meant = match wanted.as_str() {
        "no" | "false" | "none" | "disabled" => "off",
        "yes" | "true" | "enabled" => "on",
        _ => "",
    };
    if let Some(meant) = candidates.iter().find(|candidate| **candidate == meant) {
        return Some(meant);
    }
    // A third of the letters may differ; more would be guessing.
    let limit = (wanted.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&wanted, &plain(candidate)),
                candidate,
            )
        })
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `did you mean …` when something is near, else what would have been right.
pub(crate) fn or_expected<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str> + Clone,
) -> String {
    match nearest(word, candidates.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("expected {}", one_of(candidates)),
    }
}

/// The sizes that are nearest to one that does not exist, where its name is a number of users such as `12k`:
/// the next smaller and the next larger one. Other names are compared by their letters.
pub(crate) fn nearest_sizes(word: &str, known: &[String]) -> String {
    let by_letters = || or_expected(word, known.iter().map(String::as_str));
    let Some(wanted) = users(word) else {
        return by_letters();
    };
    let mut sizes: Vec<(u64, &str)> = known
        .iter()
        .filter_map(|name| Some((users(name)?, name.as_str())))
        .collect();
    sizes.sort_unstable();
    let smaller = sizes.iter().rfind(|(size, _)| *size < wanted);
    let larger = sizes.iter().find(|(size, _)| *size > wanted);
    let near: Vec<&str> = smaller
        .into_iter()
        .chain(larger)
        .map(|(_, name)| *name)
        .collect();
    match near.as_slice() {
        [] => by_letters(),
        [only] => format!("the nearest size is `{only}`"),
        near => format!("the nearest sizes are {}", and(near)),
    }
}

fn and(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    quoted.join(" and ")
}

/// Whether a name says a number of users, as those of sizes do and those of environments cannot.
pub(crate) fn is_size_like(name: &str) -> bool {
    users(name).is_some()
}

/// The number that a size's name says: `1k` is 1,000.
fn users(name: &str) -> Option<u64> {
    let lower = name.to_lowercase();
    match lower.strip_suffix('k') {
        Some(thousands) => thousands.parse::<u64>().ok()?.checked_mul(1000),
        None => lower.parse().ok(),
    }
}

/// `` `a`, `b` or `c` ``.
pub(crate) fn one_of<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match quoted.as_slice() {
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// Case and the choice between `-` and `_` are the commonest slips: they count for nothing.
fn plain(word: &str) -> String {
    word.to_lowercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_gets_a_suggestion_and_an_unrelated_word_does_not() {
        let keys = ["architecture", "region", "search-proxy"];
        assert_eq!(nearest("arhcitecture", keys), Some("architecture"));
        assert_eq!(nearest("search_proxy", keys), Some("search-proxy"));
        assert_eq!(nearest("Region", keys), Some("region"));
        assert_eq!(nearest("database", keys), None);
    }

    #[test]
    fn sizes_are_near_by_their_number() {
        let known = ["1k", "200", "10k", "15k", "200k", "own"].map(str::to_owned);
        for (word, near) in [
            ("12k", "the nearest sizes are `10k` and `15k`"),
            ("7k", "the nearest sizes are `1k` and `10k`"),
            ("12000", "the nearest sizes are `10k` and `15k`"),
            ("100", "the nearest size is `200`"),
            ("1m", "did you mean `1k`?"),
            ("900k", "the nearest size is `200k`"),
            ("onw", "did you mean `own`?"),
        ] {
            assert_eq!(nearest_sizes(word, &known), near, "{word}");
        }
    }

    #[test]
    fn lists_read_as_a_sentence() {
        assert_eq!(one_of(["a", "b", "c"]), "`a`, `b` or `c`");
        assert_eq!(one_of(["a"]), "`a`");
    }
}
