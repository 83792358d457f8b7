//! The document as one page for people: no script, nothing loaded from anywhere.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

const STYLE: &str = include_str!("docs.css");

/// What the page may load: its own style and nothing else.
pub(super) fn policy() -> String {
    let hash = BASE64_STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// The page.
pub(super) fn page(document: &Value) -> String {
    let mut html = String::with_capacity(1 << 18);
    let title = text(&document["info"]["title"]);
    html.push_str("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
    html.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    put(
        &mut html,
        format_args!("<title>{title}</title><style>{STYLE}</style></head><body>"),
    );
    put(
        &mut html,
        format_args!(
            "<header><h1>{title} <small>{}</small></h1>",
            text(&document["info"]["version"])
        ),
    );
    paragraphs(&mut html, &document["info"]["description"]);
    html.push_str(
        "<p><a href=\"/openapi.json\">openapi.json</a>: the same for programs (OpenAPI 3.1).</p></header>",
    );
    contents(&mut html, document);
    html.push_str("<main>");
    for tag in list(&document["tags"]) {
        let name = text(&tag["name"]);
        put(&mut html, format_args!("<h2 id=\"tag-{name}\">{name}</h2>"));
        paragraphs(&mut html, &tag["description"]);
        for (path, method, operation) in operations(document, tag) {
            self::operation(&mut html, document, path, method, operation);
        }
    }
    html.push_str("<h2 id=\"schemas\">schemas</h2>");
    for (name, schema) in document["components"]["schemas"]
        .as_object()
        .into_iter()
        .flatten()
    {
        put(
            &mut html,
            format_args!("<details id=\"schema-{0}\"><summary>{0}</summary>", escape(name)),
        );
        json(&mut html, schema);
        html.push_str("</details>");
    }
    html.push_str("</main></body></html>\n");
    html
}

/// A `String` takes everything.
fn put(html: &mut String, text: std::fmt::Arguments<'_>) {
    html.write_fmt(text).expect("a String takes everything");
}

/// The operations of a tag, in the document's order.
fn operations<'d>(
    document: &'d Value,
    tag: &'d Value,
) -> impl Iterator<Item = (&'d str, &'d str, &'d Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let all = paths.flat_map(|(path, item)| {
        let methods = item.as_object().into_iter().flatten();
        methods.map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    });
    all.filter(move |(_, _, operation)| list(&operation["tags"]).any(|name| *name == tag["name"]))
}

fn contents(html: &mut String, document: &Value) {
    html.push_str("<nav>");
    for tag in list(&document["tags"]) {
        put(
            html,
            format_args!("<h2><a href=\"#tag-{0}\">{0}</a></h2><ul>", text(&tag["name"])),
        );
        for (path, method, operation) in operations(document, tag) {
            let (id, path) = (text(&operation["operationId"]), escape(path));
            put(
                html,
                format_args!("<li><a href=\"#{id}\"><b class=\"{method}\">{method}</b> {path}</a></li>"),
            );
        }
        html.push_str("</ul>");
    }
    html.push_str("<h2><a href=\"#schemas\">schemas</a></h2></nav>");
}

fn operation(html: &mut String, document: &Value, path: &str, method: &str, operation: &Value) {
    let id = text(&operation["operationId"]);
    put(
        html,
        format_args!(
            "<section id=\"{id}\"><h3><b class=\"{method}\">{method}</b> {}</h3>",
            escape(path)
        ),
    );
    paragraphs(html, &operation["summary"]);
    paragraphs(html, &operation["description"]);
    if let Some(key) = operation["security"][0]
        .as_object()
        .and_then(|all| all.keys().next())
    {
        put(
            html,
            format_args!(
                "<p>Key: <code>Authorization: Bearer</code> <i>{}</i></p>",
                escape(key)
            ),
        );
    }
    parameters(html, document, operation);
    if let Some(content) = operation["requestBody"]["content"].as_object() {
        html.push_str("<h4>Body</h4>");
        content
            .values()
            .for_each(|media| body(html, document, &media["schema"]));
    }
    html.push_str("<h4>Answers</h4><dl>");
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        put(html, format_args!("<dt>{}</dt><dd>", escape(status)));
        paragraphs(html, &response["description"]);
        for (kind, media) in response["content"].as_object().into_iter().flatten() {
            if let Some(name) = referred(&media["schema"]) {
                put(
                    html,
                    format_args!("<p>{}: <a href=\"#schema-{name}\">{name}</a></p>", escape(kind)),
                );
            }
        }
        html.push_str("</dd>");
    }
    html.push_str("</dl></section>");
}

fn parameters(html: &mut String, document: &Value, operation: &Value) {
    let mut rows = String::new();
    for parameter in list(&operation["parameters"]) {
        let parameter = parameter["$ref"]
            .as_str()
            .and_then(|pointer| document.pointer(pointer.trim_start_matches('#')))
            .unwrap_or(parameter);
        let needed = if parameter["required"] == true {
            "required"
        } else {
            ""
        };
        put(
            &mut rows,
            format_args!(
                "<tr><td><code>{}</code></td><td>{} {needed}</td><td>{}</td><td><code>{}</code></td></tr>",
                text(&parameter["name"]),
                text(&parameter["in"]),
                text(&parameter["description"]),
                escape(&parameter["schema"].to_string()),
            ),
        );
    }
    if !rows.is_empty() {
        put(
            html,
            format_args!("<h4>Parameters</h4><div class=\"wide\"><table>{rows}</table></div>"),
        );
    }
}

fn body(html: &mut String, document: &Value, schema: &Value) {
    let name = referred(schema).or_else(|| list(&schema["oneOf"]).find_map(referred));
    let Some(name) = name else {
        return json(html, schema);
    };
    put(html, format_args!("<p><a href=\"#schema-{name}\">{name}</a></p>"));
    for example in list(&document["components"]["schemas"][name]["examples"]) {
        json(html, example);
    }
}

fn referred(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.rsplit('/').next()
}

fn json(html: &mut String, value: &Value) {
    let pretty = serde_json::to_string_pretty(value).unwrap_or_default();
    put(html, format_args!("<pre>{}</pre>", escape(&pretty)));
}

/// Paragraphs, lists and `code`, which is all of Markdown that the descriptions use.
fn paragraphs(html: &mut String, value: &Value) {
    for line in value
        .as_str()
        .unwrap_or_default()
        .lines()
        .filter(|line| !line.is_empty())
    {
        let parts = escape(line);
        let marked = parts
            .split('`')
            .enumerate()
            .fold(String::new(), |mut all, (index, part)| {
                all.push_str(match index {
                    0 => "",
                    index if index % 2 == 1 => "<code>",
                    _ => "</code>",
                });
                all.push_str(part);
                all
            });
        let close = if parts.matches('`').count() % 2 == 1 {
            "</code>"
        } else {
            ""
        };
        put(html, format_args!("<p>{marked}{close}</p>"));
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    escape(value.as_str().unwrap_or_default())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_shows_every_operation_and_loads_nothing() {
        let document = crate::openapi::document();
        let page = page(document);
        for item in document["paths"].as_object().unwrap().values() {
            for operation in item.as_object().unwrap().values() {
                let id = operation["operationId"].as_str().unwrap();
                assert!(page.contains(&format!("<section id=\"{id}\">")), "{id}");
            }
        }
        for active in [
            "<script",
            "<img",
            "<link",
            "@import",
            "url(",
            "src=",
            "javascript:",
            " style=\"",
        ] {
            assert!(!page.contains(active), "{active}");
        }
        for link in page.split("href=\"").skip(1) {
            assert!(
                link.starts_with('#') || link.starts_with("/openapi.json"),
                "{}",
                &link[..40]
            );
        }
    }

    #[test]
    fn what_the_document_says_is_text_and_no_markup() {
        let mut html = String::new();
        paragraphs(&mut html, &"a <b> `c & d` \"e".into());
        assert_eq!(html, "<p>a &lt;b&gt; <code>c &amp; d</code> &quot;e</p>");
    }
}
