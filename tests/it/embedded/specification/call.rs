//! Calls as the specification writes them down: a line with method and path, headers, a blank line, a body.

use reqwest::Method;
use system_tests::{Answer, Client};

/// Makes the call, its body to the byte as it is written.
pub(super) async fn make(client: &Client, text: &str) -> Answer {
    let text = text.trim_start();
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines().map(str::trim);
    let (method, path) = lines
        .next()
        .and_then(|line| line.split_once(' '))
        .expect("method and path");
    let method: Method = method.parse().expect("a method");
    let mut request = client.request(method, path);
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        request = request.header(name, value);
    }
    if !body.is_empty() {
        request = request.body(body.to_owned());
    }
    client.send(request).await.expect("an answer")
}
