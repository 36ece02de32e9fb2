//! An engine with the API, a policy, tokens, and some processes.

use anyhow::{Context, Result, ensure};
use bureaucrat_tests::{
    engine::{Engine, broker_url, of_this_run},
    http::{Answer, Client},
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

const POLICY: &str = r#"
[default]
launches = true
calls = true
participants = ["**"]
awaits = ["**"]
publishes = ["**"]
deploys = ["**"]
cancels = ["**"]
definitions = ["paid", "order", "work", "daily", "outer", "middle", "steps", "drawn"]
[users.ada]
definitions = ["shared"]
[users.bob]
launches = true
"#;

/// It waits for an event without end.
pub const WAITS: &str = r#"<process name="waits"><await event="never"/></process>"#;

pub struct Rig {
    pub engine: Engine,
    pub client: Client,
    /// This machine's token.
    pub local: String,
    folder: tempfile::TempDir,
}

impl Rig {
    pub fn new(name: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let policy = folder.path().join("policy.toml");
        std::fs::write(&policy, POLICY)?;
        let policy = policy.to_str().context("no text")?.to_owned();
        let options = ["--http-listen", "0", "--policy", &policy];
        let mut engine = Engine::new(&broker_url()?, folder.path(), &of_this_run(name), &options);
        engine.start()?;
        engine.answers(PATIENCE)?;
        let client = Client::of(&engine)?;
        let local = std::fs::read_to_string(engine.storage().join("http-token"))?;
        Ok(Self {
            engine,
            client,
            local: local.trim().to_owned(),
            folder,
        })
    }

    /// Starts the engine again after it was killed.
    pub fn again(&mut self) -> Result<()> {
        std::fs::remove_file(self.folder.path().join("engine.log"))?;
        self.engine.start()?;
        self.engine.answers(PATIENCE)?;
        self.client = Client::of(&self.engine)?;
        Ok(())
    }

    /// A new token.
    pub fn token(&self, name: &str, role: &str, user: Option<&str>) -> Result<String> {
        let mut arguments = vec!["token", "create", name, "--role", role];
        arguments.extend(user.iter().flat_map(|user| ["--user", user]));
        let output = self.engine.command()?.args(arguments).output()?;
        ensure!(output.status.success(), "{output:?}");
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    pub fn ask(&self, token: &str, request: (&str, &str), body: Option<&Value>) -> Result<Answer> {
        self.client.with(token, request, body)
    }

    /// A process that waits; its id.
    pub fn launch(&self, token: &str) -> Result<String> {
        let body = json!({"source": WAITS});
        let answer = self.ask(token, ("POST", "/api/v1/processes"), Some(&body))?;
        ensure!(answer.status == 201, "{answer:?}");
        let process = answer.json()?["process"].clone();
        Ok(process.as_str().context("no id")?.to_owned())
    }

    /// What a list holds that everybody sees: ids with states.
    pub fn processes(&self) -> Result<Vec<(String, String)>> {
        let answer = self.ask(&self.local, ("GET", "/api/v1/processes?limit=500"), None)?;
        ensure!(answer.status == 200, "{answer:?}");
        let answer = answer.json()?;
        let processes = answer["processes"].as_array().context("no list")?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let processes = processes.iter();
        Ok(processes
            .map(|process| (text(&process["process"]), text(&process["state"])))
            .collect())
    }

    /// Waits until a process is in a state.
    pub fn state(&self, process: &str, wanted: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let path = format!("/api/v1/processes/{process}");
        loop {
            let answer = self.ask(&self.local, ("GET", &path), None)?.json()?;
            if answer["state"] == wanted {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "{answer}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// All operations of the description: id, method, path.
    pub fn operations(&self) -> Result<Vec<(String, String, String)>> {
        let document = self
            .client
            .send(("GET", "/api/v1/openapi.json"), &[], "")?
            .json()?;
        let paths = document["paths"].as_object().context("no paths")?;
        let mut operations = Vec::new();
        for (path, methods) in paths {
            for (method, operation) in methods.as_object().context("no methods")? {
                let id = operation["operationId"].as_str().context("no id")?;
                operations.push((id.to_owned(), method.to_uppercase(), path.clone()));
            }
        }
        Ok(operations)
    }
}

/// A path with values for its parameters.
pub fn path_of(path: &str, process: &str) -> String {
    path.replace("{process}", process)
        .replace("{name}", "waits")
        .replace("{version}", "1")
        .replace("{job}", "1")
        .replace("{letter}", "1")
        .replace("{module}", "m")
        .replace("{alias}", "live")
}

/// A body that the operation takes.
pub fn body_of(id: &str) -> Option<(&'static str, String)> {
    let json = |value: Value| Some(("application/json", value.to_string()));
    match id {
        "launch" => json(json!({"source": WAITS})),
        "order" => json(json!({"order": "suspend", "reason": "a test"})),
        "publish_event" => json(json!({"event": "nobody waits for this"})),
        "retire_definition" | "set_alias" | "resend_letter" => json(json!({})),
        "start_job" => json(json!({
            "search": {"definition": "nothing"}, "order": {"order": "cancel"}, "dry_run": true
        })),
        "deploy_definition" => Some(("application/xml", WAITS.to_owned())),
        "deploy_module" => Some(("application/wasm", "no module".to_owned())),
        "log_in" => json(json!({"token": "wrong"})),
        _ => None,
    }
}
