//! Variables of nginx: `set $backend http://api;`, by which a configuration puts off the lookup of a
//! name until somebody asks.

use foldhash::HashMap;

use super::expand;

/// The text with the variables that it calls by in their places, line for line; `None` for one that
/// sets none.
pub fn with_variables(text: &str) -> Option<String> {
    if !text.contains("set $") || !text.contains("_pass ") {
        return None;
    }
    let called = called(text);
    let mut values: HashMap<&str, &str> = HashMap::default();
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        match assignment(line.trim()).filter(|(name, _)| called.contains(name)) {
            Some((name, value)) => {
                values.insert(name, value);
                out.push('\n');
            }
            None => out.push_str(&expand::expand(line, true, &|name| {
                values.get(name).copied()
            })),
        }
    }
    Some(out)
}

/// `set $backend http://api;`
fn assignment(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line
        .strip_prefix("set $")?
        .strip_suffix(';')?
        .split_once(' ')?;
    let value = value.trim().trim_matches(['"', '\'']);
    (!value.contains([';', '$'])).then_some((name, value))
}

/// The variables that `proxy_pass` and its like begin with.
fn called(text: &str) -> Vec<&str> {
    let lines = text.lines().filter_map(|line| {
        let (directive, target) = line.trim().split_once("_pass ")?;
        let one_word = !directive.contains(char::is_whitespace);
        let target = target.trim_start();
        let rest = target.split_once("://").map_or(target, |(_, rest)| rest);
        let rest = rest.strip_prefix('$').filter(|_| one_word)?;
        rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .next()
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_stand_where_they_are_used() {
        for (text, expected) in [
            (
                "set $b http://api;\nproxy_pass $b:3100$uri;\n",
                Some("\nproxy_pass http://api:3100$uri;\n"),
            ),
            (
                "set $h api;\nproxy_pass http://$h:80;\nset $h web;\nproxy_pass http://$h;\n",
                Some("\nproxy_pass http://api:80;\n\nproxy_pass http://web;\n"),
            ),
            (
                "set $other x;\nfastcgi_pass php:9000;\n",
                Some("set $other x;\nfastcgi_pass php:9000;\n"),
            ),
            ("proxy_pass http://api;\n", None),
            ("set $b http://api;\n", None),
        ] {
            assert_eq!(with_variables(text).as_deref(), expected, "{text}");
        }
    }
}
