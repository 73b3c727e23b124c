//! A short mark by which two places can be told to hold the same credential.

use std::hash::Hasher as _;

use siphasher::sip::SipHasher24;

use super::values::{entropy, looks_random};

/// The key of the hash. It is no secret: it keeps tables of hashes that were made for something else
/// from being of use, and is the same in every run so that reports can be compared.
const KEY: [u8; 16] = *b"helm-floe secret";

/// How many hexadecimal digits are shown.
const DIGITS: usize = 4;

/// The fingerprint of a credential: four hexadecimal digits, the same in every run.
///
/// Whoever reads a report can try guesses on it, and 16 bits leave one guess in 65,536. For a random
/// value of 80 bits and more that helps nobody, since far more candidates than can be tried remain.
/// For a password somebody thought of it would: of a list of a million common ones some fifteen would
/// be left. So only what looks random has a fingerprint.
pub fn of(credential: &str) -> Option<String> {
    let bits = entropy(credential) * credential.len() as f64;
    if !looks_random(credential) || credential.len() < 16 || bits < 60.0 {
        return None;
    }
    let mut hasher = SipHasher24::new_with_key(&KEY);
    hasher.write(credential.as_bytes());
    let hash = format!("{:016x}", hasher.finish());
    hash.get(..DIGITS).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cannot_be_guessed_has_one_and_it_stays_the_same() {
        for guessable in [
            "",
            "minioadmin",
            "Summer2024!",
            "correct horse battery staple",
            "aB3",
        ] {
            assert_eq!(of(guessable), None, "{guessable}");
        }
        let random = "k3Jx9QpLm2Vt7RzYb5Nw8Hd4";
        assert_eq!(of(random).map(|mark| mark.len()), Some(DIGITS));
        assert_eq!(of(random), of(random));
        assert_ne!(of(random), of("k3Jx9QpLm2Vt7RzYb5Nw8Hd5"));
    }
}
