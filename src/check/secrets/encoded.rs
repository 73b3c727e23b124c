//! Base64, which hides nothing.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const ANY_PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, ANY_PADDING);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, ANY_PADDING);

/// The bytes of a base64 text, of either alphabet, padded or not, line breaks left out.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let joined;
    let text = match text.trim() {
        trimmed if trimmed.contains(char::is_whitespace) => {
            joined = trimmed.split_whitespace().collect::<String>();
            joined.as_str()
        }
        trimmed => trimmed,
    };
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_' | b'=');
    if text.is_empty() || !text.bytes().all(fits) {
        return None;
    }
    STANDARD
        .decode(text)
        .or_else(|_| URL_SAFE.decode(text))
        .ok()
}

/// The text that a base64 text hides: long enough not to be a word that happens to decode, and
/// printable.
pub fn hidden(text: &str) -> Option<String> {
    let text = text.trim();
    let length = text.len();
    let has = |test: fn(u8) -> bool| text.bytes().any(test);
    if length < 12
        || !length.is_multiple_of(4) && !text.contains('\n')
        || !has(|b| b.is_ascii_uppercase())
        || text.contains([' ', '.', ':'])
    {
        return None;
    }
    let decoded = String::from_utf8(decode(text)?).ok()?;
    let odd = decoded
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
    (!odd && decoded.len() >= 8 && decoded.is_ascii()).then_some(decoded)
}
