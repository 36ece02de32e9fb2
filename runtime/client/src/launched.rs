//! A launched process, and how it ends.

use crate::{LaunchError, replies::Read};
use bureaucrat_model::{Fields, JsonText, ProcessId};
use bureaucrat_wire::Reply;
use tokio::sync::mpsc::UnboundedReceiver;

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It completed with these fields.
    Completed(Fields),
    /// It failed.
    Failed {
        /// What kind of fault it is, such as `ActionError`; at most 64 bytes.
        code: String,
        /// For a person.
        message: String,
        /// The id of the activity where it happened.
        activity: String,
        /// The line of the definition, from 1; 0 when unknown.
        line: u32,
        /// What else the one who failed says, for programs.
        data: Option<JsonText>,
    },
}

/// A launched process.
#[derive(Debug)]
pub struct Launched {
    pub(crate) process: ProcessId,
    pub(crate) replies: UnboundedReceiver<Read>,
}

impl Launched {
    /// Its id.
    pub const fn process(&self) -> ProcessId {
        self.process
    }

    /// Waits for its end, however long that takes.
    ///
    /// # Errors
    /// If the connection is closed first, or the reply cannot be read.
    pub async fn ending(mut self) -> Result<Ending, LaunchError> {
        let mut reply = self.replies.recv().await.ok_or(LaunchError::Closed)??;
        // An engine that was killed repeats what it may not have said.
        while matches!(&reply, Reply::Launched { process } if *process == self.process) {
            reply = self.replies.recv().await.ok_or(LaunchError::Closed)??;
        }
        match reply {
            Reply::Completed { fields, .. } => Ok(Ending::Completed(fields)),
            Reply::Failed {
                code,
                message,
                activity,
                line,
                data,
                ..
            } => Ok(Ending::Failed {
                code,
                message,
                activity,
                line,
                data,
            }),
            Reply::Rejected { reasons } => Err(LaunchError::Rejected { reasons }),
            Reply::Launched { .. } | Reply::Event(_) | Reply::Cancelled { .. } => {
                Err(LaunchError::OutOfOrder)
            }
        }
    }
}
