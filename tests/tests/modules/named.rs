//! Modules with names: versions, aliases, what definitions keep of them, signatures, costs, and that all of it survives.

use anyhow::{Context, Result, ensure};
use bureaucrat_tests::{
    modules::{risk_above, signing_key},
    operating::Operated,
};
use serde_json::{Value, json};

/// A definition that tells whether 15,000 is high.
fn definition(name: &str, used: &str) -> String {
    format!(
        r#"<process name="{name}">
  <module name="risk" use="{used}"/>
  <context><property name="order" type="json">{{"amount": 15000}}</property></context>
  <switch><case><condition module="risk" function="is-high"/><assign property="high">True</assign></case></switch>
</process>"#
    )
}

struct Shop(Operated);

impl Shop {
    fn start(prefix: &str) -> Result<Self> {
        let mut operated = Operated::new(prefix, &[])?;
        operated.start()?;
        Ok(Self(operated))
    }

    /// Deploys a module that is above a limit, and returns its version.
    fn deploy(&self, limit: u32, more: &[&str]) -> Result<Value> {
        let file = self.file(limit)?;
        let arguments = [
            &["module", "deploy", "--json", &file, "--name", "risk"],
            more,
        ]
        .concat();
        self.0.json(0, &arguments)
    }

    fn file(&self, limit: u32) -> Result<String> {
        let file = self.0.path(&format!("risk-{limit}.wasm"));
        std::fs::write(&file, risk_above(limit)?)?;
        Ok(file.to_str().context("a path in UTF-8")?.to_owned())
    }

    /// Whether 15,000 is high, by what a reference stands for.
    fn is_high(&self, used: &str) -> Result<bool> {
        let process = self.0.launch(&definition("asking", used))?;
        let shown = self.0.until(&process, "completed")?;
        Ok(shown["fields"]["high"] == true)
    }

    fn refused(&self, used: &str) -> Result<String> {
        let file = self.0.path("refused.xml");
        std::fs::write(&file, definition("asking", used))?;
        self.0
            .leaves_with(1, &["launch", file.to_str().context("UTF-8")?])
    }
}

#[test]
fn names_have_versions_and_aliases_that_survive() -> Result<()> {
    let mut shop = Shop::start("mod-names")?;
    let first = shop.deploy(10_000, &[])?;
    ensure!(first["name"] == "risk" && first["version"] == 1, "{first}");
    ensure!(shop.is_high("risk")?);
    let second = shop.deploy(20_000, &[])?;
    ensure!(second["version"] == 2, "{second}");
    // The same text means another module from now on.
    ensure!(!shop.is_high("risk")? && shop.is_high("risk@1")?);
    // Bytes that the name has already make no new version, not even older ones.
    ensure!(shop.deploy(10_000, &[])?["version"] == 1 && !shop.is_high("risk")?);

    let no_alias = shop.refused("risk@live")?;
    ensure!(
        no_alias.contains("2:28: the module `risk`: `risk` has no alias `live`"),
        "{no_alias}"
    );
    let moved = shop
        .0
        .json(0, &["module", "alias", "risk@live", "1", "--json"])?;
    ensure!(
        moved["version"] == 1 && moved["before"].is_null(),
        "{moved}"
    );
    ensure!(shop.is_high("risk@live")?);

    // What is deployed keeps what it was deployed with.
    let file = shop.0.path("shop.xml");
    std::fs::write(&file, definition("shop", "risk@live"))?;
    let file = file.to_str().context("UTF-8")?;
    shop.0.leaves_with(0, &["deploy", file])?;
    let moved = shop
        .0
        .json(0, &["module", "alias", "risk@live", "newest", "--json"])?;
    ensure!(moved["version"] == 2 && moved["before"] == 1, "{moved}");
    ensure!(!shop.is_high("risk@live")?);
    let launched = shop.0.json(0, &["launch", "shop", "--wait"])?;
    ensure!(launched["high"] == true, "{launched}");
    // Deployed again, the same text is another version, since its module is another.
    let again = shop.0.json(0, &["deploy", file, "--json"])?;
    ensure!(
        again["version"] == 2 && again["outcome"] == "new",
        "{again}"
    );
    let launched = shop.0.json(0, &["launch", "shop", "--wait"])?;
    ensure!(launched["high"].is_null(), "{launched}");

    let shown = shop.0.json(0, &["module", "show", "risk@1", "--json"])?;
    ensure!(
        shown["definitions"] == json!([{"name": "shop", "version": 1}]),
        "{shown}"
    );
    ensure!(
        shown["exports"][0] == json!({"name": "is-high", "gives": "verdict"}),
        "{shown}"
    );
    let spent = &shown["costs"][0];
    ensure!(spent["function"] == "is-high", "{shown}");
    ensure!(
        spent["evaluations"] == 4 && spent["fuel"].as_u64() > Some(0),
        "{shown}"
    );
    shop.0.leaves_with(0, &["module", "show", "risk"])?;
    let listed = shop.0.leaves_with(0, &["module", "list"])?;
    ensure!(listed.contains("risk@2 (live)"), "{listed}");

    shop.0.end()?;
    shop.0.is_clean(&shop.0.engine.storage())?;
    shop.0.start()?;
    ensure!(shop.is_high("risk@1")? && !shop.is_high("risk@live")?);
    ensure!(shop.deploy(30_000, &[])?["version"] == 3);
    shop.0.end()
}

#[test]
fn versions_are_removed_when_nothing_needs_them() -> Result<()> {
    let mut shop = Shop::start("mod-gone")?;
    for limit in [10_000, 20_000] {
        shop.deploy(limit, &[])?;
    }
    let hash = shop.0.json(0, &["module", "show", "risk@1", "--json"])?["hash"].clone();
    let hash = hash.as_str().context("a hash")?;
    shop.0
        .json(0, &["module", "alias", "risk@old", "1", "--json"])?;
    let outcome = |code: i32, what: &str| -> Result<Value> {
        let answer = shop.0.json(code, &["module", "rm", "--json", what])?;
        Ok(answer["outcome"].clone())
    };
    ensure!(outcome(1, hash)? == "named");
    ensure!(outcome(1, "risk@1")? == "aliased");
    ensure!(outcome(1, "risk@7")? == "unknown" && outcome(1, "risk@new")? == "unknown");
    let vague = shop.0.leaves_with(1, &["module", "rm", "risk"])?;
    ensure!(
        vague.contains("say which version of `risk` to remove"),
        "{vague}"
    );
    ensure!(outcome(0, "risk@old")? == "removed");
    ensure!(outcome(0, "risk@1")? == "removed");
    // Its component went with it, and its number is not given again.
    ensure!(outcome(1, hash)? == "unknown");
    ensure!(
        shop.refused("risk@1")?
            .contains("`risk` has no version 1; its newest is 2")
    );
    ensure!(shop.deploy(10_000, &[])?["version"] == 3);
    // One that a program uses stays when its version goes.
    ensure!(shop.is_high("risk@3")?);
    let three = shop.0.json(0, &["module", "show", "risk@3", "--json"])?["hash"].clone();
    ensure!(outcome(0, "risk@3")? == "removed");
    ensure!(outcome(1, three.as_str().context("a hash")?)? == "in_use");
    let near = shop.refused("rsik")?;
    ensure!(
        near.contains("no module `rsik` is deployed here; did you mean `risk`?"),
        "{near}"
    );
    shop.0.end()?;
    shop.0.is_clean(&shop.0.engine.storage())
}

#[test]
fn a_signature_counts_for_its_module_alone() -> Result<()> {
    let mut shop = Shop::start("mod-signed")?;
    let key = shop.0.path("key.pem");
    signing_key(&key)?;
    let key = key.to_str().context("UTF-8")?;
    let (module, other) = (shop.file(10_000)?, shop.file(20_000)?);
    let signed = shop
        .0
        .json(0, &["module", "sign", &module, "--key", key, "--json"])?;
    let signature = shop.0.path("risk.sig");
    std::fs::write(
        &signature,
        signed["signature"].as_str().context("a signature")?,
    )?;
    let signature = signature.to_str().context("UTF-8")?;
    let wrong = ["module", "deploy", &other, "--signature", signature];
    let refused = shop.0.leaves_with(1, &wrong)?;
    ensure!(
        refused.contains("the signature is not one that the key ed25519:"),
        "{refused}"
    );
    shop.deploy(10_000, &["--signature", signature])?;
    let shown = shop.0.json(0, &["module", "show", "risk", "--json"])?;
    ensure!(shown["signers"] == json!([signed["key"]]), "{shown}");
    let no_key = shop
        .0
        .leaves_with(1, &["module", "sign", &module, "--key", &module])?;
    ensure!(
        no_key.contains("it is not a private key in PEM"),
        "{no_key}"
    );
    shop.0.end()?;
    shop.0.is_clean(&shop.0.engine.storage())
}
