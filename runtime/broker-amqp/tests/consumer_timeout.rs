//! RabbitMQ's consumer timeout closes the channel of a delivery that stays unacknowledged for too
//! long. To the host that is the end of a generation like any other. Uses its own broker, because
//! the timeout applies to all consumers of a broker.
#![allow(clippy::unwrap_used)]

mod common;

use bureaucrat_host::broker::{Broker, BrokerEvent};
use common::*;
use lapin::{Connection, ConnectionProperties};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// A broker that ends with the test.
struct Rabbit(PathBuf);

impl Rabbit {
    fn script(&self, verb: &str, arguments: &[&str]) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/rabbitmq");
        let mut command = Command::new(script);
        let output = command.arg(verb).arg(&self.0).args(arguments).output();
        let output = output.unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{verb} {arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Rabbit {
    fn drop(&mut self) {
        self.script("stop", &[]);
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_timeout_ends_the_generation() {
    let folder = format!("bureaucrat-consumer-timeout-{}", std::process::id());
    let rabbit = Rabbit(std::env::temp_dir().join(folder));
    let url = rabbit.script("start", &[]);
    let settings = "application:set_env(rabbit, consumer_timeout, 1000), \
        application:set_env(rabbit, channel_tick_interval, 500).";
    rabbit.script("ctl", &["eval", settings]);
    let names = names();
    let (broker, recorder) = started(config(&url, &names)).await;
    let connection = Connection::connect(&url, ConnectionProperties::default());
    let connection = connection.await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    put(&channel, &names.launches, "held").await;
    until("it comes again", || recorder.deliveries().len() == 2).await;
    let deliveries = recorder.deliveries();
    assert_eq!(deliveries[0].handle.generation, 1);
    assert_eq!(deliveries[1].handle.generation, 2);
    recorder.ended_once_after_its_deliveries(1);
    broker.acknowledge(deliveries[1].handle);
    until_depth(&connection, &names.launches, 0).await;
    assert_eq!(recorder.count(&BrokerEvent::PublishingDown), 0);
    broker.shutdown().await;
}
