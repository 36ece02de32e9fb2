;; Replaces WASI, which guests may not import: no arguments, no environment, no files, a clock that stands
;; still, and numbers that are not random, so that the same source always produces the same module. Go's
;; runtime uses these when it starts. `wasm-merge` links this module to the guest. Functions return an error
;; number: 0 for none, 8 for a bad descriptor.
(module
  (import "guest" "memory" (memory 0))
  (func (export "args_sizes_get") (param $count i32) (param $bytes i32) (result i32)
    (i32.store (local.get $count) (i32.const 0))
    (i32.store (local.get $bytes) (i32.const 0))
    (i32.const 0))
  (func (export "environ_sizes_get") (param $count i32) (param $bytes i32) (result i32)
    (i32.store (local.get $count) (i32.const 0))
    (i32.store (local.get $bytes) (i32.const 0))
    (i32.const 0))
  (func (export "args_get") (param i32 i32) (result i32) (i32.const 0))
  (func (export "environ_get") (param i32 i32) (result i32) (i32.const 0))
  (func (export "clock_time_get") (param i32 i64) (param $into i32) (result i32)
    (i64.store (local.get $into) (i64.const 1))
    (i32.const 0))
  (func (export "random_get") (param $into i32) (param $bytes i32) (result i32)
    (memory.fill (local.get $into) (i32.const 7) (local.get $bytes))
    (i32.const 0))
  (func (export "fd_write") (param i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "poll_oneoff") (param i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "sched_yield") (result i32) (i32.const 0))
  (func (export "proc_exit") (param i32) (unreachable)))
