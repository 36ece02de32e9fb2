//! The disk is full, fails, or is slow: the engine acknowledges nothing that is not durable, exits,
//! and continues once the disk works.
//!
//! `BUREAUCRAT_FAULT_ROUNDS` asks for more rounds of all kinds; `scripts/faults` does.

use anyhow::{Result, ensure};
use bureaucrat_tests::{
    engine::{Engine, broker_url, of_this_run},
    faults::{Fault, Load, Plan, Preload, audit, rounds, row, seed},
    simulation::Random,
};
use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(60);
/// Processes for each fault, and new tasks between two.
const PROCESSES_A_FAULT: u64 = 40;
/// So many of them begin after it, so that something is written however fast the engine is.
const LATE: u64 = 8;
const TASKS: usize = 100;
/// A log that RocksDB has allocated takes some MiB before a full disk is noticed; so much work it takes to fill it.
const PROCESSES_A_FULL_DISK: u64 = 400;
const PADDING: usize = 16 << 10;

/// Error numbers of Linux.
const EIO: i32 = 5;
const ENOSPC: i32 = 28;

const KINDS: [Fault; 5] = [
    Fault::Syncs(EIO),
    Fault::Writes(ENOSPC),
    Fault::SlowSyncs(60),
    Fault::Writes(EIO),
    Fault::Syncs(ENOSPC),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_writes_and_syncs_fail_or_take_long() -> Result<()> {
    let url = broker_url()?;
    let prefix = of_this_run("disk");
    let folder = tempfile::tempdir()?;
    let preload = Preload::new(folder.path())?;
    let mut engine =
        Engine::new(&url, folder.path(), &prefix, &[]).with_environment(preload.environment());
    let faults = rounds()? * KINDS.len();
    let plan = Plan {
        processes: faults as u64 * PROCESSES_A_FAULT,
        rate: None,
        padding: 0,
    };
    let load = Load::start(&url, &prefix, plan).await?;
    let mut random = Random::new(seed()?);
    engine.start()?;
    let (mut left, mut slow) = (0, 0);
    for (number, fault) in (1..).zip(KINDS.into_iter().cycle().take(faults)) {
        load.hold_back_from(number * PROCESSES_A_FAULT - LATE);
        load.progress(TASKS, PATIENCE).await?;
        tokio::time::sleep(Duration::from_millis(random.below(100))).await;
        preload.set(fault)?;
        load.hold_back_from(number * PROCESSES_A_FAULT);
        match fault {
            Fault::SlowSyncs(_) => {
                load.progress(20, PATIENCE).await?;
                preload.set(Fault::None)?;
                slow += 1;
            }
            Fault::Writes(_) | Fault::Syncs(_) => {
                let code = engine.ended(PATIENCE)?;
                ensure!(code == 1, "the engine left with {code}, not 1");
                let log = engine.log_tail();
                ensure!(
                    log.contains("writing to the storage failed"),
                    "the log does not say that the storage failed:\n{log}"
                );
                // As long as the disk fails the engine does not start, and says so.
                engine.start()?;
                let code = engine.ended(PATIENCE)?;
                ensure!(
                    code == 1,
                    "on a failing disk the engine left with {code}, not 1"
                );
                preload.set(Fault::None)?;
                engine.start()?;
                left += 1;
            }
            Fault::None => {}
        }
    }
    load.finish(&engine, PATIENCE).await?;
    let tally = audit(&load, &mut engine)?;
    row("disk:failed", left, &tally);
    row("disk:slow", slow, &tally);
    println!(
        "{left} times writes or syncs failed, {slow} times they took long: {} launches ended, none lost, none doubled; \
         {} tasks, {} sent again",
        tally.ended, tally.tasks, tally.repeated_tasks
    );
    Ok(())
}

/// A file system of a fixed size with a file in it that leaves hardly any room.
struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    const MIB: u64 = 512;

    fn mount() -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let output = Command::new("mount")
            .args(["-t", "tmpfs", "-o"])
            .arg(format!("size={}m", Self::MIB))
            .arg("tmpfs")
            .arg(folder.path())
            .output()
            .map_err(|error| error.to_string())?;
        if output.status.success() {
            Ok(Self { folder })
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    fn ballast(&self) -> std::path::PathBuf {
        self.folder.path().join("ballast")
    }

    /// Leaves room for so many bytes.
    fn fill(&self, room: u64) -> Result<()> {
        let free = nix::sys::statvfs::statvfs(self.folder.path())?;
        let free = free.blocks_available() * free.fragment_size();
        let ballast = vec![0; usize::try_from(free.saturating_sub(room))?];
        // The engine writes too: what does not fit any more is as good.
        match std::fs::write(self.ballast(), ballast) {
            Err(error) if error.kind() != std::io::ErrorKind::StorageFull => Err(error.into()),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn empty(&self) -> Result<()> {
        Ok(std::fs::remove_file(self.ballast())?)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.folder.path()).status();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_the_disk_is_full() -> Result<()> {
    let disk = match SmallDisk::mount() {
        Ok(disk) => disk,
        Err(reason) => {
            // The test above has full disks too, by the library under the engine.
            println!(
                "NOT RUN: a file system of a fixed size can't be mounted here, which takes root: {reason}"
            );
            ensure!(
                !nix::unistd::geteuid().is_root() || Path::new("/.dockerenv").exists(),
                "root could not mount a tmpfs: {reason}"
            );
            return Ok(());
        }
    };
    let url = broker_url()?;
    let prefix = of_this_run("full");
    let mut engine = Engine::new(&url, disk.folder.path(), &prefix, &[]);
    let faults = rounds()? as u64 * 2;
    let plan = Plan {
        processes: faults * PROCESSES_A_FULL_DISK,
        rate: None,
        padding: PADDING,
    };
    let load = Load::start(&url, &prefix, plan).await?;
    engine.start()?;
    for begun in (0..faults).map(|fault| fault * PROCESSES_A_FULL_DISK) {
        load.hold_back_from(begun + PROCESSES_A_FAULT);
        load.progress(TASKS, PATIENCE).await?;
        disk.fill(64 << 10)?;
        // Most begin on the full disk, so that it is noticed however fast the machine is.
        load.hold_back_from(begun + PROCESSES_A_FULL_DISK);
        let code = engine.ended(PATIENCE)?;
        ensure!(
            code == 1,
            "on a full disk the engine left with {code}, not 1"
        );
        // It says what is wrong for as long as there is no room, and loses nothing by trying.
        let deadline = Instant::now() + Duration::from_secs(3);
        while Instant::now() < deadline {
            engine.start()?;
            if engine.ended(Duration::from_secs(5)).is_err() {
                break;
            }
        }
        disk.empty()?;
        let _ = engine.kill();
        engine.start()?;
    }
    load.finish(&engine, PATIENCE).await?;
    let tally = audit(&load, &mut engine)?;
    row("disk:full", faults, &tally);
    println!(
        "{faults} times the disk was full: {} launches ended, none lost, none doubled; {} tasks, {} sent again",
        tally.ended, tally.tasks, tally.repeated_tasks
    );
    Ok(())
}
