;; A worked example: two conditions in WebAssembly's text format.
;;
;;   is-high     whether the integer at /order/amount and the prices of /order/items together are
;;               above 10,000
;;   is-foreign  whether the text at /order/country is not "NL"; none counts as "NL"
;;
;; In a definition:
;;   <condition module="risk" function="is-high"/>
(module
  ;; get(pointer's address, its length, where the result goes). The result takes 24 bytes, aligned
  ;; to 8:
  ;;    0  1 if there is something at the pointer, else 0
  ;;    8  its case: 0 null, 1 boolean, 2 integer, 3 big-integer, 4 float, 5 text, 6 list, 7 record
  ;;   16  its payload: the boolean, the integer, the float, a text's address (its length at 20), a
  ;;       length
  (import "bureaucrat:condition/fields@1.1.0" "get" (func $get (param i32 i32 i32)))

  (memory (export "memory") 1)
  (data (i32.const 0) "/order/amount")
  (data (i32.const 16) "/order/country")
  (data (i32.const 32) "/order/items")
  ;; The pointer to a price is assembled here; the index and the rest are appended.
  (data (i32.const 48) "/order/items/")
  (data (i32.const 80) "/price")
  (data (i32.const 160) "KeyError: nothing at `")
  (data (i32.const 192) "TypeError: the wrong kind of value at `")
  (data (i32.const 240) "OverflowError: an integer beyond 64 bits at `")
  (data (i32.const 288) "OverflowError: the total does not fit 64 bits")
  ;; Error texts are assembled here.
  (global $text i32 (i32.const 384))

  ;; The host allocates memory for what it returns here. An instance serves only one evaluation, so
  ;; nothing is ever freed; memory grows as necessary.
  (global $free (mut i32) (i32.const 1024))
  (func (export "cabi_realloc")
    (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
    (local $start i32) (local $missing i32)
    (local.set $start (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (global.set $free (i32.add (local.get $start) (local.get $size)))
    (local.set $missing
      (i32.sub (global.get $free) (i32.shl (memory.size) (i32.const 16))))
    (if (i32.gt_s (local.get $missing) (i32.const 0))
      (then
        (if (i32.eq (i32.const -1)
              (memory.grow (i32.add (i32.shr_u (local.get $missing) (i32.const 16)) (i32.const 1))))
          (then (unreachable)))))
    (local.get $start))

  ;; A function returns the address of its result, aligned to 4: a byte, 0 for a verdict and 1 for
  ;; an error, then at 4 the verdict, or the error text's address, its length at 8.
  (func $verdict (param $holds i32) (result i32)
    (i32.store8 (i32.const 128) (i32.const 0))
    (i32.store8 (i32.const 132) (local.get $holds))
    (i32.const 128))
  (func $error (param $text i32) (param $length i32) (result i32)
    (i32.store8 (i32.const 128) (i32.const 1))
    (i32.store (i32.const 132) (local.get $text))
    (i32.store (i32.const 136) (local.get $length))
    (i32.const 128))

  ;; The error that a text says of a pointer: the text, the pointer and a backtick.
  (func $error-at
    (param $text i32) (param $bytes i32) (param $pointer i32) (param $length i32) (result i32)
    (local $end i32)
    (memory.copy (global.get $text) (local.get $text) (local.get $bytes))
    (local.set $end (i32.add (global.get $text) (local.get $bytes)))
    (memory.copy (local.get $end) (local.get $pointer) (local.get $length))
    (local.set $end (i32.add (local.get $end) (local.get $length)))
    (i32.store8 (local.get $end) (i32.const 96))
    (call $error (global.get $text)
      (i32.add (i32.sub (local.get $end) (global.get $text)) (i32.const 1))))

  ;; Reads the value at a pointer, and leaves it at 96. Returns 0 if it has the given case, and
  ;; otherwise the address of an error.
  (func $read (param $pointer i32) (param $length i32) (param $case i32) (result i32)
    (call $get (local.get $pointer) (local.get $length) (i32.const 96))
    (if (i32.eqz (i32.load8_u (i32.const 96)))
      (then
        (return (call $error-at (i32.const 160) (i32.const 22)
          (local.get $pointer) (local.get $length)))))
    (if (i32.eq (i32.load8_u (i32.const 104)) (local.get $case)) (then (return (i32.const 0))))
    (if (i32.and
          (i32.eq (local.get $case) (i32.const 2))
          (i32.eq (i32.load8_u (i32.const 104)) (i32.const 3)))
      (then
        (return (call $error-at (i32.const 240) (i32.const 45)
          (local.get $pointer) (local.get $length)))))
    (call $error-at (i32.const 192) (i32.const 39) (local.get $pointer) (local.get $length)))

  ;; Whether anything but null is at a pointer.
  (func $is-set (param $pointer i32) (param $length i32) (result i32)
    (call $get (local.get $pointer) (local.get $length) (i32.const 96))
    (i32.and
      (i32.load8_u (i32.const 96))
      (i32.ne (i32.load8_u (i32.const 104)) (i32.const 0))))

  ;; Writes the pointer to an item's price; returns its length.
  (func $price-at (param $index i32) (result i32)
    (local $rest i32) (local $digits i32) (local $place i32)
    (local.set $rest (local.get $index))
    (local.set $digits (i32.const 1))
    (loop $count
      (local.set $rest (i32.div_u (local.get $rest) (i32.const 10)))
      (if (local.get $rest)
        (then (local.set $digits (i32.add (local.get $digits) (i32.const 1))) (br $count))))
    ;; From the last digit to the first.
    (local.set $place (i32.add (i32.const 60) (local.get $digits)))
    (local.set $rest (local.get $index))
    (loop $write
      (i32.store8 (local.get $place)
        (i32.add (i32.const 48) (i32.rem_u (local.get $rest) (i32.const 10))))
      (local.set $rest (i32.div_u (local.get $rest) (i32.const 10)))
      (local.set $place (i32.sub (local.get $place) (i32.const 1)))
      (br_if $write (local.get $rest)))
    (memory.copy (i32.add (i32.const 61) (local.get $digits)) (i32.const 80) (i32.const 6))
    (i32.add (local.get $digits) (i32.const 19)))

  (func (export "is-high") (result i32)
    (local $total i64) (local $price i64) (local $sum i64)
    (local $count i32) (local $index i32) (local $failed i32)
    (local.set $failed (call $read (i32.const 0) (i32.const 13) (i32.const 2)))
    (if (local.get $failed) (then (return (local.get $failed))))
    (local.set $total (i64.load (i32.const 112)))
    (if (call $is-set (i32.const 32) (i32.const 12))
      (then
        (local.set $failed (call $read (i32.const 32) (i32.const 12) (i32.const 6)))
        (if (local.get $failed) (then (return (local.get $failed))))
        (local.set $count (i32.load (i32.const 112)))))
    (block $done
      (loop $items
        (br_if $done (i32.ge_u (local.get $index) (local.get $count)))
        (local.set $failed
          (call $read (i32.const 48) (call $price-at (local.get $index)) (i32.const 2)))
        (if (local.get $failed) (then (return (local.get $failed))))
        (local.set $price (i64.load (i32.const 112)))
        (local.set $sum (i64.add (local.get $total) (local.get $price)))
        ;; The sum's sign differs from both summands' if it does not fit.
        (if (i64.lt_s (i64.and
              (i64.xor (local.get $total) (local.get $sum))
              (i64.xor (local.get $price) (local.get $sum))) (i64.const 0))
          (then (return (call $error (i32.const 288) (i32.const 45)))))
        (local.set $total (local.get $sum))
        (local.set $index (i32.add (local.get $index) (i32.const 1)))
        (br $items)))
    (call $verdict (i64.gt_s (local.get $total) (i64.const 10000))))

  (func (export "is-foreign") (result i32)
    (local $failed i32)
    (if (i32.eqz (call $is-set (i32.const 16) (i32.const 14)))
      (then (return (call $verdict (i32.const 0)))))
    (local.set $failed (call $read (i32.const 16) (i32.const 14) (i32.const 5)))
    (if (local.get $failed) (then (return (local.get $failed))))
    ;; "NL" as a little-endian number of two bytes.
    (if (i32.ne (i32.load (i32.const 116)) (i32.const 2))
      (then (return (call $verdict (i32.const 1)))))
    (call $verdict (i32.ne (i32.load16_u (i32.load (i32.const 112))) (i32.const 0x4c4e)))))
