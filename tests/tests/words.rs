//! What engine and commands say when the broker or the system refuses: the cause and what to do, at
//! once, only once, and without secrets; and that they continue when the cause is gone.

#[path = "words/lost.rs"]
mod lost;
#[path = "words/tls.rs"]
mod tls;

use anyhow::{Context, Result, ensure};
use bureaucrat_tests::{
    engine::{Engine, binary},
    faults::Rabbit,
};
use std::{
    io::{Read, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::{Duration, Instant},
};

/// Longer than anything takes, since nothing here waits for a time.
const PATIENCE: Duration = Duration::from_secs(60);

/// A broker of this test's own, with users and virtual hosts of every kind.
struct World {
    rabbit: Rabbit,
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let tls = folder.path().join("tls");
        tls::certificates(&tls)?;
        let rabbit = Rabbit::start_with_tls(&folder.path().join("rabbitmq"), &tls)?;
        Ok(Self { folder, rabbit })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `HOST:PORT` of the broker.
    fn place(&self) -> Result<&str> {
        let url = self.rabbit.url();
        let place = url
            .split('@')
            .nth(1)
            .and_then(|rest| rest.split('/').next());
        place.context("the broker's URL has no place")
    }

    fn control(&self, arguments: &str) -> Result<()> {
        let arguments: Vec<&str> = arguments.split_whitespace().collect();
        self.rabbit.control(&arguments).map(drop)
    }

    /// A command with this address and nothing of this machine's settings.
    fn run(&self, address: &str, arguments: &[&str]) -> Result<Output> {
        let mut command = Command::new(binary()?);
        let command = command.env_clear().env("HOME", self.folder.path());
        let command = command.current_dir(self.folder.path());
        Ok(command
            .env("BUREAUCRAT_AMQP", address)
            .args(arguments)
            .output()?)
    }

    /// An engine with a storage of its own.
    fn engine(&self, address: &str, name: &str, options: &[&str]) -> Result<Engine> {
        let folder = self.path(name);
        std::fs::create_dir_all(&folder)?;
        let mut engine = Engine::new(address, &folder, name, options);
        engine.start()?;
        Ok(engine)
    }
}

#[test]
fn what_the_broker_says_is_passed_on() -> Result<()> {
    // One after the other, since a broker takes long to start.
    let world = World::new()?;
    whatever_refuses_is_named_at_once(&world)?;
    an_engine_says_what_is_wrong_once_and_goes_on_when_it_is_right(&world)?;
    lost::who_waits_for_an_end_is_told_when_the_connection_is_lost(&world)?;
    lost::whom_the_broker_blocks_is_told_so(&world)?;
    an_engine_works_over_tls_and_hides_the_password_of_its_command_line(&world)
}

fn whatever_refuses_is_named_at_once(world: &World) -> Result<()> {
    std::fs::write(world.path("x.xml"), "<process/>")?;
    let place = world.place()?;
    let port = place.rsplit(':').next().context("no port")?;
    let tls = world.rabbit.tls_url()?;
    let tls_port = tls
        .rsplit(':')
        .next()
        .and_then(|rest| rest.split('/').next());
    let tls_port = tls_port.context("no port for TLS")?;
    let http = answering(b"HTTP/1.1 400 Bad Request\r\n\r\n")?;
    let newer = answering(b"AMQP\x03\x01\x00\x00")?;
    world.control("add_user limited SECRET")?;
    world.control("set_permissions limited .* .* .*")?;
    world
        .rabbit
        .control(&["set_user_limits", "limited", "{\"max-connections\": 0}"])?;
    world.control("add_user stranger SECRET")?;
    world.control("add_user weak SECRET")?;
    world.control("set_permissions weak ^$ ^$ ^$")?;
    // Given that nobody has declared the engine's queue, to arrive there is to get through.
    let through = "no queue accepts messages";
    let cases = [
        (format!("amqp://guest:guest@{place}"), through),
        (format!("amqp://guest:guest@{place}/"), through),
        (format!("amqp://guest:guest@{place}//"), through),
        (
            format!("amqp://127.0.0.1:1,amqp://guest:guest@{place}"),
            through,
        ),
        (format!("{tls}?cacertfile=tls/ca.pem"), through),
        (
            format!("amqp://guest:guest@{place}/nosuch"),
            "no virtual host `nosuch`: correct",
        ),
        (
            format!("amqp://guest:SECRET@{place}"),
            "Check the user `guest` and its password",
        ),
        (
            format!("amqp://limited:SECRET@{place}"),
            "user connection limit (0) is reached (530)",
        ),
        (
            format!("amqp://stranger:SECRET@{place}"),
            "Give the user `stranger` permissions",
        ),
        (
            format!("amqp://weak:SECRET@{place}"),
            "Give this user the permissions to configure",
        ),
        (
            format!("amqp://guest:SECRET@[::1]:{port}/%2f"),
            &format!("[::1]:{port} /: "),
        ),
        (
            format!("amqp://guest:SECRET@nosuch.invalid:{port}"),
            "cannot resolve",
        ),
        (
            "amqp://guest:SECRET@127.0.0.1:1".to_owned(),
            "nothing listens there",
        ),
        (
            format!("amqps://guest:SECRET@{place}"),
            "this port doesn't speak TLS; use amqp://",
        ),
        (
            format!("amqp://x:SECRET@127.0.0.1:{tls_port}"),
            "speaks TLS; use amqps://",
        ),
        (tls.clone(), "CA with --amqp-ca-file"),
        (
            format!("{tls}?cacertfile=tls/other.pem"),
            "is not signed by the CA in tls/other.pem; name the file",
        ),
        (
            format!("{tls}?cacertfile=tls/ca.pem&certfile=tls/cert.pem&keyfile=tls/other.key"),
            "the key tls/other.key does not belong to the certificate tls/cert.pem; name",
        ),
        (
            format!("{tls}?cacertfile=tls/ca.pem&certfile=tls/other.pem&keyfile=tls/other.key"),
            "it probably doesn't trust the certificate tls/other.pem; use one signed",
        ),
        (
            format!("{tls}?cacertfile=tls/ca.pem&certfile=tls/cert.pem&keyfile=tls/cert.pem"),
            "cannot use the key file tls/cert.pem: there is no unencrypted",
        ),
        (
            format!("{tls}?cacertfile=nosuch.pem"),
            "cannot use the CA file nosuch.pem: it does not exist",
        ),
        (
            format!("{tls}?cacertfile=x.xml"),
            "there is no PEM certificate in it",
        ),
        (
            format!("{tls}?cacertfile=tls/ca.pem&certfile=tls/cert.pem"),
            "without a key; name it",
        ),
        (
            format!("amqp://x:SECRET@127.0.0.1:{http}"),
            "this port speaks HTTP (`HTTP/1.1 400",
        ),
        (
            format!("amqp://x:SECRET@127.0.0.1:{newer}"),
            "the broker there speaks AMQP 1.0",
        ),
        (
            "amqp://u:SECRET/w@mq/v".to_owned(),
            "BUREAUCRAT_AMQP: the address can't be understood",
        ),
    ];
    for (address, expected) in &cases {
        for arguments in [["launch", "x.xml"], ["event", "paid"]] {
            let output = world.run(address, &arguments)?;
            let words = String::from_utf8_lossy(&output.stderr);
            let code = output.status.code();
            ensure!(code == Some(1), "{address} {arguments:?}: {code:?} {words}");
            ensure!(words.contains(expected), "{address} {arguments:?}: {words}");
            ensure!(
                !words.contains("SECRET"),
                "{address} {arguments:?}: {words}"
            );
        }
    }
    Ok(())
}

/// A port on which something answers each connection with these bytes.
fn answering(bytes: &'static [u8]) -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 8]);
            let _ = stream.write_all(bytes);
        }
    });
    Ok(port)
}

fn an_engine_says_what_is_wrong_once_and_goes_on_when_it_is_right(world: &World) -> Result<()> {
    let place = world.place()?.to_owned();
    let file = world.path("password");
    std::fs::write(&file, "SECRET1\n")?;
    world.control("add_user ada SECRET1")?;
    let address = format!("amqp://ada@{place}/shop");
    let file = file.to_str().context("the folder's name is not UTF-8")?;
    let options = ["--amqp-password-file", file];
    let mut engine = world.engine(&address, "words", &options)?;
    // Each cause is reported, and the next one as soon as it is fixed.
    engine.says("There is no virtual host `shop`", PATIENCE)?;
    world.control("add_vhost shop")?;
    engine.says(
        "Give the user `ada` permissions on the virtual host `shop`",
        PATIENCE,
    )?;
    world.control("set_permissions -p shop ada ^$ .* .*")?;
    engine.says("access to queue", PATIENCE)?;
    world.control("set_permissions -p shop ada .* .* .*")?;
    consumes(&engine, 1)?;
    engine.answers(PATIENCE)?;
    // The password is rotated while the engine runs.
    world.control("change_password ada SECRET2")?;
    std::fs::write(file, "SECRET2\n")?;
    let close = [
        "close_all_connections",
        "--vhost",
        "shop",
        "rotated by the test",
    ];
    world.rabbit.control(&close)?;
    engine.says(
        "CONNECTION_FORCED - rotated by the test (320). The broker",
        PATIENCE,
    )?;
    consumes(&engine, 2)?;
    let log = engine.log();
    for words in [
        "no virtual host `shop`",
        "permissions on the virtual host `shop`",
    ] {
        let count = log.lines().filter(|line| line.contains(words)).count();
        ensure!(count == 1, "`{words}` is told {count} times:\n{log}");
    }
    ensure!(log.contains("tries="), "{log}");
    ensure!(!log.contains("SECRET"), "{log}");
    ensure!(engine.end()? == 0);
    Ok(())
}

/// Waits until it has begun to consume so many times.
fn consumes(engine: &Engine, times: usize) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let log = engine.log();
        let begun = log
            .lines()
            .filter(|line| line.contains("generation="))
            .count();
        if begun >= times {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "it does not consume:\n{log}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn an_engine_works_over_tls_and_hides_the_password_of_its_command_line(
    world: &World,
) -> Result<()> {
    std::fs::write(world.path("x.xml"), "<process/>")?;
    let tls = world.rabbit.tls_url()?;
    let ca = world.path("tls/ca.pem");
    let ca = ca.to_str().context("the folder's name is not UTF-8")?;
    let options = ["--amqp", tls.as_str(), "--amqp-ca-file", ca];
    let mut engine = world.engine("amqp://nosuch.invalid", "tls", &options)?;
    engine.answers(PATIENCE)?;
    consumes(&engine, 1)?;
    let pid = engine.pid().context("the engine runs")?;
    let title = std::fs::read(format!("/proc/{pid}/cmdline"))?;
    let title = String::from_utf8_lossy(&title);
    ensure!(
        title.contains("--foreground") && !title.contains("guest"),
        "{title}"
    );
    let definition = world.path("x.xml");
    let launch = engine
        .command()?
        .args(["launch", "--wait", "--amqp", &tls, "--amqp-ca-file", ca])
        .arg(&definition)
        .output()?;
    ensure!(launch.status.success(), "{launch:?}");
    ensure!(engine.end()? == 0);
    ensure!(!engine.log().contains("guest:guest"), "{}", engine.log());
    Ok(())
}

#[test]
fn without_executable_memory_nothing_starts_and_the_cause_is_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let launcher = folder.path().join("no_machine_code");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("faults/no_machine_code.c");
    let compiled = Command::new("cc")
        .args(["-O1", "-Wall", "-Werror", "-o"])
        .args([&launcher, &source])
        .output()?;
    ensure!(compiled.status.success(), "{compiled:?}");
    let definition = folder.path().join("x.xml");
    std::fs::write(&definition, "<process/>")?;
    let definition = definition
        .to_str()
        .context("the folder's name is not UTF-8")?;
    for (arguments, code) in [
        (vec!["--foreground"], 1),
        (vec![], 1),
        (vec!["eval", "1 + 1"], 1),
        (vec!["check", definition], 0),
    ] {
        let output = Command::new(&launcher)
            .arg(binary()?)
            .args(&arguments)
            .env_clear()
            .env("HOME", folder.path())
            .env("BUREAUCRAT_STORAGE", folder.path().join("storage"))
            .output()?;
        let words = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.code() == Some(code),
            "{arguments:?}: {output:?}"
        );
        ensure!(
            words.contains("MemoryDenyWriteExecute=yes"),
            "{arguments:?}: {words}"
        );
    }
    Ok(())
}
