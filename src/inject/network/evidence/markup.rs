//! Settings in a line of XML: elements and attributes.

/// Calls back with each setting of a line: `<host>db</host>`, `<server host="db"/>`, and properties,
/// whose name and value stand in two elements or attributes. `named` is the name whose value has not
/// come yet; it may come on a later line.
pub fn line<'t>(line: &'t str, named: &mut &'t str, found: &mut dyn FnMut(&'t str, &'t str)) {
    let mut rest = line;
    while let Some(at) = rest.find('<') {
        let after = rest.get(at + 1..).unwrap_or_default();
        let (tag, tail) = after.split_once('>').unwrap_or((after, ""));
        let text = tail.split('<').next().unwrap_or_default().trim();
        let element = tag.split([' ', '\t', '/']).next().unwrap_or_default();
        attributes(tag, found);
        match element {
            "" => {}
            "name" | "key" => *named = text,
            "value" if !named.is_empty() => found(std::mem::take(named), text),
            element => found(element, text),
        }
        rest = tail;
    }
}

/// The attributes of an element.
fn attributes<'t>(tag: &'t str, found: &mut dyn FnMut(&'t str, &'t str)) {
    let mut name_of_value = "";
    let mut rest = tag;
    while let Some((head, tail)) = rest.split_once("=\"") {
        let name = head.rsplit([' ', '\t']).next().unwrap_or_default();
        let (value, tail) = tail.split_once('"').unwrap_or((tail, ""));
        match name {
            "name" | "key" => name_of_value = value,
            "value" if !name_of_value.is_empty() => found(name_of_value, value),
            name => found(name, value),
        }
        rest = tail;
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn elements_and_attributes_are_settings() {
        for (text, expected) in [
            ("<host>db</host>", "host=db"),
            (
                "<a><host> db </host><port>1</port></a>",
                "a= host=db port=1",
            ),
            (r#"<server host="db" port="1"/>"#, "host=db port=1 server="),
            (
                r#"<property name="db.host" value="db"/>"#,
                "db.host=db property=",
            ),
            ("<name>db.host</name>\n<value>db</value>", "db.host=db"),
            ("<value>x</value>", "value=x"),
            ("<match **>", "match="),
            ("a < b", ""),
            ("<", ""),
            (r#"<a b="c"#, "b=c a="),
        ] {
            let (mut named, mut shown) = ("", Vec::new());
            for line in text.lines() {
                super::line(line, &mut named, &mut |key, value| {
                    shown.push(format!("{key}={value}"));
                });
            }
            assert_eq!(shown.join(" "), expected, "{text}");
        }
    }
}
