//! The default places: permanent ones that the user may write to, never the folder for temporary
//! files.

use nix::unistd::Uid;
use std::path::{Path, PathBuf};

const SYSTEM_STORAGE: &str = "/var/lib/bureaucrat";
const SYSTEM_PID_FILE: &str = "/run/bureaucrat.pid";
const SYSTEM_CONFIG: &str = "/etc/bureaucrat/config.ini";
/// Where the original of 2015 had its configuration.
const ORIGINAL_CONFIG: &str = "/etc/taskqueue/config.ini";

/// The storage: the system's for root, the user's state folder (XDG) for everyone else. `None` if
/// the user has no home.
pub fn storage() -> Option<PathBuf> {
    if Uid::effective().is_root() {
        return Some(SYSTEM_STORAGE.into());
    }
    user_folder("XDG_STATE_HOME", ".local/state").map(|folder| folder.join("bureaucrat"))
}

/// The pid file: the system's for root's default storage, otherwise in the storage, so that engines
/// with different storages do not conflict.
pub fn pid_file(storage: &Path) -> PathBuf {
    if Uid::effective().is_root() && storage == Path::new(SYSTEM_STORAGE) {
        return SYSTEM_PID_FILE.into();
    }
    storage.join("bureaucrat.pid")
}

/// The candidates for the configuration file; the first existing one is read.
pub fn configurations() -> Vec<PathBuf> {
    user_folder("XDG_CONFIG_HOME", ".config")
        .map(|folder| folder.join("bureaucrat/config.ini"))
        .into_iter()
        .chain([SYSTEM_CONFIG.into(), ORIGINAL_CONFIG.into()])
        .collect()
}

/// Where commands keep machine code, for this user alone. `None` if the user has no home.
pub fn cache() -> Option<PathBuf> {
    user_folder("XDG_CACHE_HOME", ".cache").map(|folder| folder.join("bureaucrat"))
}

/// The part of the help that names the defaults.
pub fn help() -> String {
    format!(
        "Default places:
  configuration  ~/.config/bureaucrat/config.ini, else
                 {SYSTEM_CONFIG}, else {ORIGINAL_CONFIG}
  storage        {SYSTEM_STORAGE} for root, else ~/.local/state/bureaucrat
                 (XDG_CONFIG_HOME and XDG_STATE_HOME are respected)
  pid file       {SYSTEM_PID_FILE} for root's default storage,
                 else STORAGE/bureaucrat.pid
  log            standard error with -f, else STORAGE/bureaucrat.log
                 (the engine appends, so logrotate needs copytruncate)
  control        STORAGE/control.sock, for `list`, `show` and the like
  broker         amqp://guest:guest@localhost:5672/%2f"
    )
}

/// A folder of the XDG base directory specification: the variable's if it is absolute, otherwise
/// one in the home folder.
fn user_folder(variable: &str, in_home: &str) -> Option<PathBuf> {
    let absolute = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute(variable).or_else(|| Some(absolute("HOME")?.join(in_home)))
}
