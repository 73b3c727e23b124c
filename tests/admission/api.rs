//! HTTP over the socket of `kubectl proxy`: a request takes a millisecond, a `kubectl` a hundred.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::Value;

/// One connection, used for one request after the other.
pub struct Connection(BufReader<UnixStream>);

/// What the API server says.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// The texts of its warnings.
    pub warnings: Vec<String>,
    pub body: Value,
}

impl Answer {
    /// What it says in words.
    pub fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }
}

impl Connection {
    pub fn new(socket: &Path) -> Connection {
        Connection(BufReader::new(UnixStream::connect(socket).unwrap()))
    }

    /// Sends an object.
    pub fn send(&mut self, method: &str, path: &str, object: &Value) -> Answer {
        let body = object.to_string();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Accept: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let stream = self.0.get_mut();
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        self.answer()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn answer(&mut self) -> Answer {
        let status = self.line();
        let status = status
            .split(' ')
            .nth(1)
            .unwrap_or_else(|| panic!("{status:?}"));
        let status = status.parse().unwrap();
        let (mut warnings, mut length, mut chunked) = (Vec::new(), 0, false);
        loop {
            let line = self.line();
            let Some((name, value)) = line.split_once(": ") else {
                break;
            };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().unwrap(),
                "transfer-encoding" => chunked = value == "chunked",
                "warning" => warnings.push(value.to_owned()),
                _ => {}
            }
        }
        let body = if chunked {
            self.chunks()
        } else {
            self.bytes(length)
        };
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Answer {
            status,
            warnings,
            body,
        }
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        body
    }

    fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let length = usize::from_str_radix(&self.line(), 16).unwrap();
            let chunk = self.bytes(length);
            self.line();
            if length == 0 {
                return body;
            }
            body.extend(chunk);
        }
    }
}
