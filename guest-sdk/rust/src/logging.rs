//! Words for people who look into an evaluation that fails, and those of a panic.

#[cfg(target_family = "wasm")]
#[link(wasm_import_module = "bureaucrat:condition/log@1.1.0")]
unsafe extern "C" {
    fn write(words: *const u8, length: usize);
}

/// Leaves some words; `bureaucrat module run` shows them. The engine keeps about 4,000 bytes of
/// an evaluation that fails. In native builds they go to standard error.
pub fn log(words: &str) {
    // SAFETY: the host reads the text during the call.
    #[cfg(target_family = "wasm")]
    unsafe {
        write(words.as_ptr(), words.len());
    }
    #[cfg(not(target_family = "wasm"))]
    std::eprintln!("{words}");
}

/// Leaves a panic's words and its place.
#[cfg(target_family = "wasm")]
pub fn log_panic(message: impl core::fmt::Display, location: Option<&core::panic::Location<'_>>) {
    match location {
        Some(location) => log(&alloc::format!("{message}, at {location}")),
        None => log(&alloc::format!("{message}")),
    }
}

/// Has panics leave their words.
#[cfg(all(target_family = "wasm", not(feature = "no-std")))]
pub fn log_panics() {
    std::panic::set_hook(std::boxed::Box::new(|info| {
        let message = info.payload_as_str().unwrap_or("panic");
        log_panic(message, info.location());
    }));
}
