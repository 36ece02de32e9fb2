;; A worked example: two conditions in WebAssembly's text format.
;;
;;   is-high     whether the integer at /order/amount and the prices of /order/items together are above 10,000; an error when
;;               there is no integer
;;   is-foreign  whether the text at /order/country is not "NL"; none counts as "NL"
;;
;; To make a component:
;;   wat2wasm risk.wat -o risk.core.wasm
;;   bureaucrat module build risk.core.wasm --world condition -o risk.wasm
;;
;; In a definition:
;;   <condition module="risk" function="is-high"/>
(module
  ;; get(pointer's address, its length, where the result goes). The result takes 24 bytes, aligned to 8:
  ;;    0  1 if there is something at the pointer, else 0
  ;;    8  its case: 0 null, 1 boolean, 2 integer, 3 big-integer, 4 float, 5 text, 6 list, 7 record
  ;;   16  its payload: the boolean, the integer, the float, a text's address (its length at 20), a length
  (import "bureaucrat:condition/fields@1.0.0" "get" (func $get (param i32 i32 i32)))

  (memory (export "memory") 1)
  (data (i32.const 0) "/order/amount")
  (data (i32.const 16) "/order/country")
  (data (i32.const 32) "KeyError: no integer at /order/amount")
  (data (i32.const 160) "/order/items")
  (data (i32.const 176) "TypeError: a price is no integer")
  ;; The pointer to a price is assembled here; the index and the rest are appended.
  (data (i32.const 256) "/order/items/")
  (data (i32.const 304) "/price")

  ;; The host allocates memory for what it returns here. An instance serves only one evaluation, so
  ;; nothing is ever freed.
  (global $free (mut i32) (i32.const 1024))
  (func (export "cabi_realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
    (local $start i32)
    (local.set $start (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (global.set $free (i32.add (local.get $start) (local.get $size)))
    (local.get $start))

  ;; A function returns the address of its result, aligned to 4: a byte, 0 for a verdict and 1 for an error, then at 4 the
  ;; verdict, or the error text's address, its length at 8.
  (func $verdict (param $holds i32) (result i32)
    (i32.store8 (i32.const 128) (i32.const 0))
    (i32.store8 (i32.const 132) (local.get $holds))
    (i32.const 128))
  (func $error (param $text i32) (param $length i32) (result i32)
    (i32.store8 (i32.const 128) (i32.const 1))
    (i32.store (i32.const 132) (local.get $text))
    (i32.store (i32.const 136) (local.get $length))
    (i32.const 128))

  ;; Whether there is a value with the given case at the pointer. The value is left at 96.
  (func $is (param $pointer i32) (param $length i32) (param $case i32) (result i32)
    (call $get (local.get $pointer) (local.get $length) (i32.const 96))
    (i32.and
      (i32.load8_u (i32.const 96))
      (i32.eq (i32.load8_u (i32.const 104)) (local.get $case))))

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
    (local.set $place (i32.add (i32.const 268) (local.get $digits)))
    (local.set $rest (local.get $index))
    (loop $write
      (i32.store8 (local.get $place) (i32.add (i32.const 48) (i32.rem_u (local.get $rest) (i32.const 10))))
      (local.set $rest (i32.div_u (local.get $rest) (i32.const 10)))
      (local.set $place (i32.sub (local.get $place) (i32.const 1)))
      (br_if $write (local.get $rest)))
    (memory.copy (i32.add (i32.const 269) (local.get $digits)) (i32.const 304) (i32.const 6))
    (i32.add (local.get $digits) (i32.const 19)))

  (func (export "is-high") (result i32)
    (local $total i64) (local $count i32) (local $index i32)
    (if (i32.eqz (call $is (i32.const 0) (i32.const 13) (i32.const 2)))
      (then (return (call $error (i32.const 32) (i32.const 37)))))
    (local.set $total (i64.load (i32.const 112)))
    (if (call $is (i32.const 160) (i32.const 12) (i32.const 6))
      (then (local.set $count (i32.load (i32.const 112)))))
    (block $done
      (loop $items
        (br_if $done (i32.ge_u (local.get $index) (local.get $count)))
        (if (i32.eqz (call $is (i32.const 256) (call $price-at (local.get $index)) (i32.const 2)))
          (then (return (call $error (i32.const 176) (i32.const 32)))))
        (local.set $total (i64.add (local.get $total) (i64.load (i32.const 112))))
        (local.set $index (i32.add (local.get $index) (i32.const 1)))
        (br $items)))
    (call $verdict (i64.gt_s (local.get $total) (i64.const 10000))))

  (func (export "is-foreign") (result i32)
    (if (i32.eqz (call $is (i32.const 16) (i32.const 14) (i32.const 5)))
      (then (return (call $verdict (i32.const 0)))))
    ;; "NL" as a little-endian number of two bytes.
    (if (i32.ne (i32.load (i32.const 116)) (i32.const 2))
      (then (return (call $verdict (i32.const 1)))))
    (call $verdict (i32.ne (i32.load16_u (i32.load (i32.const 112))) (i32.const 0x4c4e)))))
