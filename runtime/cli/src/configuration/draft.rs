//! The places that the values of the table go to, before a configuration is made of them.

use crate::arguments::{LogFormat, QueueKind, RuntimeGuests, StoreSharing};
use bureaucrat_connect::{Encryption, Secret};
use bureaucrat_host::CeleryEvents;
use bureaucrat_model::Unhandled;
use bureaucrat_wire::{Dialect, TaskQueue};
use std::{path::PathBuf, time::Duration};

/// What was set. Where the table has a default, it is overwritten before anybody reads it.
#[derive(Debug)]
pub struct Draft {
    pub config: Option<PathBuf>,
    pub amqp: Option<Secret>,
    pub password: Option<Secret>,
    pub password_file: Option<PathBuf>,
    pub host: String,
    /// 0 when nobody sets one.
    pub port: u16,
    pub user: String,
    pub vhost: String,
    pub encryption: Encryption,
    pub ca_file: Option<PathBuf>,
    pub cert_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
    pub heartbeat: Duration,
    pub connect_timeout: Duration,
    /// Empty when nobody sets it.
    pub connection_name: String,
    pub storage: Option<PathBuf>,
    pub store: Option<Secret>,
    pub store_password_file: Option<PathBuf>,
    pub store_lease: Duration,
    pub store_sharing: StoreSharing,
    pub pid_file: Option<PathBuf>,
    pub retention: Duration,
    pub audit_retention: Duration,
    pub launch_queue: String,
    pub message_queue: String,
    pub event_queue: String,
    pub dead_letter_queue: String,
    pub notice_exchange: String,
    pub cancel_exchange: String,
    pub result_queue: String,
    pub result_exchange: String,
    pub queue_type: Option<QueueKind>,
    pub dialect: Dialect,
    pub task_queue: TaskQueue,
    /// Empty when nobody sets it.
    pub celery_queue: String,
    pub celery_events: CeleryEvents,
    pub prefetch: u16,
    pub memory: Option<u64>,
    pub policy: Option<PathBuf>,
    pub on_fault: Unhandled,
    pub runtime_guests: RuntimeGuests,
    /// Empty when nobody sets it.
    pub http_listen: String,
    /// Empty when nobody sets it.
    pub http_hosts: String,
    pub http_cert_file: Option<PathBuf>,
    pub http_key_file: Option<PathBuf>,
    /// Empty when nobody sets it.
    pub log: String,
    pub log_format: LogFormat,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            config: None,
            amqp: None,
            password: None,
            password_file: None,
            host: String::new(),
            port: 0,
            user: String::new(),
            vhost: String::new(),
            encryption: Encryption::Plain,
            ca_file: None,
            cert_file: None,
            key_file: None,
            heartbeat: Duration::ZERO,
            connect_timeout: Duration::ZERO,
            connection_name: String::new(),
            storage: None,
            store: None,
            store_password_file: None,
            store_lease: Duration::ZERO,
            store_sharing: StoreSharing::Off,
            pid_file: None,
            retention: Duration::ZERO,
            audit_retention: Duration::ZERO,
            launch_queue: String::new(),
            message_queue: String::new(),
            event_queue: String::new(),
            dead_letter_queue: String::new(),
            notice_exchange: String::new(),
            cancel_exchange: String::new(),
            result_queue: String::new(),
            result_exchange: String::new(),
            queue_type: None,
            dialect: Dialect::Workitem,
            task_queue: TaskQueue::Taskqueue,
            celery_queue: String::new(),
            celery_events: CeleryEvents::Ignored,
            prefetch: 0,
            memory: None,
            policy: None,
            on_fault: Unhandled::Fails,
            runtime_guests: RuntimeGuests::Refused,
            http_listen: String::new(),
            http_hosts: String::new(),
            http_cert_file: None,
            http_key_file: None,
            log: String::new(),
            log_format: LogFormat::Human,
        }
    }
}
