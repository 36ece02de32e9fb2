//! `module sign`: a signature of a module, made with a private key in a file.

use crate::{Exit, arguments::ModuleSign, commands::print_line, files};
use anyhow::{Context, anyhow, bail};
use bureaucrat_model::ModuleHash;
use bureaucrat_policy::{PublicKey, Signature};
use ring::signature::{Ed25519KeyPair, KeyPair};
use rustls_pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use serde_json::json;

/// Signs, and prints the signature.
pub fn run(sign: &ModuleSign) -> anyhow::Result<Exit> {
    let bytes = files::read(&sign.file)?;
    files::not_a_definition(&sign.file, &bytes)?;
    if !bytes.starts_with(b"\0asm") {
        bail!(
            "{} is not WebAssembly; sign the component that is deployed",
            sign.file.display()
        );
    }
    let hash = ModuleHash::of(&bytes);
    let signature = signature(&files::read(&sign.key)?, hash)
        .with_context(|| format!("cannot sign with {}", sign.key.display()))?;
    if sign.json {
        let line = json!({
            "hash": hash.to_string(),
            "key": signature.key.to_string(),
            "signature": signature.to_string(),
        });
        print_line(&line.to_string())?;
    } else {
        print_line(&signature.to_string())?;
    }
    Ok(Exit::Done)
}

fn signature(pem: &[u8], module: ModuleHash) -> anyhow::Result<Signature> {
    let wanted = "an Ed25519 key is needed, as `openssl genpkey -algorithm ed25519` makes it";
    let der = PrivatePkcs8KeyDer::from_pem_slice(pem)
        .map_err(|error| anyhow!("it is not a private key in PEM ({error}); {wanted}"))?;
    // OpenSSL leaves the public key out of the file, so that there is nothing to check it against.
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der())
        .map_err(|error| anyhow!("it is another kind of key ({error}); {wanted}"))?;
    let unfit = |_| anyhow!("the key has an unexpected length");
    Ok(Signature {
        key: PublicKey(pair.public_key().as_ref().try_into().map_err(unfit)?),
        bytes: pair
            .sign(Signature::text(module).as_bytes())
            .as_ref()
            .try_into()
            .map_err(unfit)?,
    })
}
