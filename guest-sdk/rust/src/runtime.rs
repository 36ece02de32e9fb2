//! An allocator and a panic handler for guests without the standard library.

use core::{
    alloc::{GlobalAlloc, Layout},
    arch::wasm32,
    cell::Cell,
    panic::PanicInfo,
    ptr,
};

/// Allocates upwards and never frees.
struct Bump {
    free: Cell<usize>,
}

// SAFETY: a guest has one thread.
unsafe impl Sync for Bump {}

unsafe extern "C" {
    /// The linker places the heap from here.
    static __heap_base: u8;
}

// SAFETY: every allocation lies behind the ones before it, aligned, within a memory that was grown to hold it.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let free = match self.free.get() {
            0 => &raw const __heap_base as usize,
            free => free,
        };
        let start = free.next_multiple_of(layout.align());
        let Some(end) = start.checked_add(layout.size()) else {
            return ptr::null_mut();
        };
        let have = wasm32::memory_size(0) << 16;
        if end > have && wasm32::memory_grow(0, (end - have).div_ceil(1 << 16)) == usize::MAX {
            return ptr::null_mut();
        }
        self.free.set(end);
        start as *mut u8
    }

    unsafe fn dealloc(&self, _place: *mut u8, _layout: Layout) {}
}

#[global_allocator]
static ALLOCATOR: Bump = Bump { free: Cell::new(0) };

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    crate::logging::log_panic(info.message(), info.location());
    wasm32::unreachable()
}
