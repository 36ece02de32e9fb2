//! Signatures of modules: Ed25519 (RFC 8032) over one line of text that names the module.
//!
//! A signature says that the owner of a key vouches for the bytes of a module, under whatever name
//! they are deployed. Which keys count for whom is for the policy to say ([`crate::Rules`]).

use base64::{Engine, engine::general_purpose::STANDARD};
use bureaucrat_model::ModuleHash;
use ring::signature::{ED25519, UnparsedPublicKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::{borrow::Cow, fmt, str::FromStr};

/// How a key's text begins.
const SCHEME: &str = "ed25519:";
/// Longer texts are not decoded.
const TEXT_BYTES_MAX: usize = 256;

/// A public key: `ed25519:` and its 32 bytes in base64.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey(pub [u8; 32]);

/// A signature and the key that made it: the key's text, `:`, and 64 bytes in base64.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    pub key: PublicKey,
    pub bytes: [u8; 64],
}

/// Why a text is no key or no signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("a key is `ed25519:` and 32 bytes in base64, as `bureaucrat module sign` prints it")]
    Key,
    #[error(
        "a signature is `ed25519:KEY:SIGNATURE`, with 32 and 64 bytes in base64, as `bureaucrat \
         module sign` prints it"
    )]
    Signature,
}

impl Signature {
    /// What is signed of a module: `bureaucrat-module sha256:…` and a line feed, in ASCII.
    pub fn text(module: ModuleHash) -> String {
        format!("bureaucrat-module {module}\n")
    }

    /// Whether its key signed this module.
    pub fn signs(&self, module: ModuleHash) -> bool {
        let key = UnparsedPublicKey::new(&ED25519, &self.key.0);
        key.verify(Self::text(module).as_bytes(), &self.bytes)
            .is_ok()
    }
}

fn decoded<const N: usize>(text: &str) -> Option<[u8; N]> {
    let is_short = text.len() <= TEXT_BYTES_MAX;
    let bytes = is_short.then(|| STANDARD.decode(text).ok()).flatten()?;
    bytes.try_into().ok()
}

impl FromStr for PublicKey {
    type Err = SignatureError;

    fn from_str(text: &str) -> Result<Self, SignatureError> {
        let key = text.strip_prefix(SCHEME).and_then(decoded);
        key.map(Self).ok_or(SignatureError::Key)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", STANDARD.encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl FromStr for Signature {
    type Err = SignatureError;

    fn from_str(text: &str) -> Result<Self, SignatureError> {
        let wrong = SignatureError::Signature;
        let (key, signature) = text.trim().rsplit_once(':').ok_or(wrong)?;
        Ok(Self {
            key: key.parse().map_err(|_| wrong)?,
            bytes: decoded(signature).ok_or(wrong)?,
        })
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.key, STANDARD.encode(self.bytes))
    }
}

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use ring::signature::{Ed25519KeyPair, KeyPair};

    fn signed(module: ModuleHash) -> Signature {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let bytes = pair.sign(Signature::text(module).as_bytes());
        Signature {
            key: PublicKey(pair.public_key().as_ref().try_into().unwrap()),
            bytes: bytes.as_ref().try_into().unwrap(),
        }
    }

    #[test]
    fn a_signature_counts_for_its_module_and_its_key_alone() {
        let (module, other) = (ModuleHash([1; 32]), ModuleHash([2; 32]));
        let signature = signed(module);
        assert!(signature.signs(module));
        assert!(!signature.signs(other));
        let stranger = Signature {
            key: PublicKey([3; 32]),
            ..signature
        };
        assert!(!stranger.signs(module));
        for place in [0, 31, 32, 63] {
            let mut altered = signature;
            altered.bytes[place] ^= 1;
            assert!(!altered.signs(module), "byte {place}");
        }
    }

    #[test]
    fn keys_and_signatures_are_read_and_printed() {
        let signature = signed(ModuleHash([1; 32]));
        let text = signature.to_string();
        assert_eq!(text.parse::<Signature>(), Ok(signature));
        assert_eq!(signature.key.to_string().parse(), Ok(signature.key));
        let key = signature.key.to_string();
        for wrong in ["", "ed25519:", "rsa:AAAA", &key[..key.len() - 2], &text] {
            assert_eq!(
                wrong.parse::<PublicKey>(),
                Err(SignatureError::Key),
                "{wrong}"
            );
        }
        let long = format!("{key}:{}", "A".repeat(1_000));
        for wrong in ["", ":", &key, &text[..text.len() - 4], &long] {
            let read = wrong.parse::<Signature>();
            assert_eq!(read, Err(SignatureError::Signature), "{wrong}");
        }
    }
}
