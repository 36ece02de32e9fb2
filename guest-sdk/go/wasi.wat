;; Replaces WASI, which guests may not import: no arguments, no environment, no files, a clock that
;; stands still, and numbers that are not random, so that the same source always produces the same
;; module. Go's runtime and its standard library import these functions. `wasm-merge` links this
;; module to the guest. Functions return an error number: 0 for none, 8 for a bad descriptor.
(module
  (import "bureaucrat:condition/log@1.1.0" "write" (func $write (param i32 i32)))
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
  (func (export "clock_res_get") (param i32) (param $into i32) (result i32)
    (i64.store (local.get $into) (i64.const 1))
    (i32.const 0))
  (func (export "clock_time_get") (param i32 i64) (param $into i32) (result i32)
    (i64.store (local.get $into) (i64.const 1))
    (i32.const 0))
  (func (export "random_get") (param $into i32) (param $bytes i32) (result i32)
    (memory.fill (local.get $into) (i32.const 7) (local.get $bytes))
    (i32.const 0))
  (func (export "sched_yield") (result i32) (i32.const 0))
  (func (export "proc_exit") (param i32) (call $end_line) (unreachable))
  (func (export "proc_raise") (param i32) (result i32) (unreachable))

  ;; There are no files and no connections.
  (func (export "fd_advise") (param i32 i64 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_allocate") (param i32 i64 i64) (result i32) (i32.const 8))
  (func (export "fd_close") (param i32) (result i32) (i32.const 8))
  (func (export "fd_datasync") (param i32) (result i32) (i32.const 8))
  (func (export "fd_fdstat_get") (param i32 i32) (result i32) (i32.const 8))
  (func (export "fd_fdstat_set_flags") (param i32 i32) (result i32) (i32.const 8))
  (func (export "fd_fdstat_set_rights") (param i32 i64 i64) (result i32) (i32.const 8))
  (func (export "fd_filestat_get") (param i32 i32) (result i32) (i32.const 8))
  (func (export "fd_filestat_set_size") (param i32 i64) (result i32) (i32.const 8))
  (func (export "fd_filestat_set_times") (param i32 i64 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_pread") (param i32 i32 i32 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_prestat_get") (param i32 i32) (result i32) (i32.const 8))
  (func (export "fd_prestat_dir_name") (param i32 i32 i32) (result i32) (i32.const 8))
  (func (export "fd_pwrite") (param i32 i32 i32 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_read") (param i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "fd_readdir") (param i32 i32 i32 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_renumber") (param i32 i32) (result i32) (i32.const 8))
  (func (export "fd_seek") (param i32 i64 i32 i32) (result i32) (i32.const 8))
  (func (export "fd_sync") (param i32) (result i32) (i32.const 8))
  (func (export "fd_tell") (param i32 i32) (result i32) (i32.const 8))
  ;; What goes to standard output and standard error is logged, line by line: the runtime writes its last
  ;; words in small pieces. A line is collected in the 512 bytes that the guest has set aside for it.
  (global $line (mut i32) (i32.const 0))
  (global $length (mut i32) (i32.const 0))
  (func (export "collect_lines") (param $line i32) (global.set $line (local.get $line)))
  ;; Whether a stack trace has begun, after "fatal error: …" or with "goroutine 1 [running]:" or "runtime
  ;; stack:". It would take the place of the words before it, and has paths of the machine that built the
  ;; guest.
  (global $is_trace (mut i32) (i32.const 0))
  (func $end_line
    (local $begins i64)
    (if (i32.gt_u (global.get $length) (i32.const 8))
      (then (local.set $begins (i64.load (global.get $line)))))
    (if (i32.or
          (i64.eq (local.get $begins) (i64.const 0x6e6974756f726f67)) ;; goroutin
          (i64.eq (local.get $begins) (i64.const 0x20656d69746e7572))) ;; runtime and a space
      (then (global.set $is_trace (i32.const 1))))
    (if (i32.and (i32.ne (global.get $length) (i32.const 0)) (i32.eqz (global.get $is_trace)))
      (then (call $write (global.get $line) (global.get $length))))
    (if (i64.eq (local.get $begins) (i64.const 0x7265206c61746166)) ;; fatal er
      (then (global.set $is_trace (i32.const 1))))
    (global.set $length (i32.const 0)))
  (func $collect (param $byte i32)
    (if (i32.or (i32.eq (local.get $byte) (i32.const 10)) (i32.eq (global.get $length) (i32.const 512)))
      (then (call $end_line)))
    (if (i32.ne (local.get $byte) (i32.const 10))
      (then
        (i32.store8 (i32.add (global.get $line) (global.get $length)) (local.get $byte))
        (global.set $length (i32.add (global.get $length) (i32.const 1))))))
  ;; A text is given in parts: addresses and lengths, 8 bytes each.
  (func (export "fd_write")
    (param $fd i32) (param $parts i32) (param $count i32) (param $written i32) (result i32)
    (local $total i32) (local $at i32) (local $end i32)
    (if (i32.and (i32.ne (local.get $fd) (i32.const 1)) (i32.ne (local.get $fd) (i32.const 2)))
      (then (return (i32.const 8))))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $count)))
        (local.set $at (i32.load (local.get $parts)))
        (local.set $end (i32.add (local.get $at) (i32.load offset=4 (local.get $parts))))
        (local.set $total
          (i32.add (local.get $total) (i32.load offset=4 (local.get $parts))))
        (block $all
          (loop $bytes
            (br_if $all (i32.ge_u (local.get $at) (local.get $end)))
            ;; Before the guest has set a place aside, nobody could read it.
            (if (global.get $line) (then (call $collect (i32.load8_u (local.get $at)))))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (br $bytes)))
        (local.set $parts (i32.add (local.get $parts) (i32.const 8)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next)))
    (i32.store (local.get $written) (local.get $total))
    (i32.const 0))
  (func (export "path_create_directory") (param i32 i32 i32) (result i32) (i32.const 8))
  (func (export "path_filestat_get") (param i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "path_filestat_set_times") (param i32 i32 i32 i32 i64 i64 i32) (result i32) (i32.const 8))
  (func (export "path_link") (param i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "path_open") (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32) (i32.const 8))
  (func (export "path_readlink") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "path_remove_directory") (param i32 i32 i32) (result i32) (i32.const 8))
  (func (export "path_rename") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "path_symlink") (param i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "path_unlink_file") (param i32 i32 i32) (result i32) (i32.const 8))
  (func (export "poll_oneoff") (param i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "sock_accept") (param i32 i32 i32) (result i32) (i32.const 8))
  (func (export "sock_recv") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "sock_send") (param i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "sock_shutdown") (param i32 i32) (result i32) (i32.const 8)))
