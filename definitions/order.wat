;; The module `risk` of order.xml: is an order's integer field `amount` at least 1000?
;; `wasm-tools parse order.wat | base64 -w 118` prints the text in order.xml; a test compares them.
(component
  (import "bureaucrat:condition/fields@1.0.0" (instance $fields
    (type $v (variant (case "null") (case "boolean" bool) (case "integer" s64) (case "big-integer" string)
      (case "float" f64) (case "text" string) (case "list" u32) (case "record" u32)))
    (export "value" (type $value (eq $v)))
    (type $o (option $value))
    (export "get" (func (param "pointer" string) (result $o)))))

  ;; Memory is in a module of its own, so that `get` can be lowered before the module that calls it.
  (core module $memory
    (memory (export "memory") 1)
    (global $free (mut i32) (i32.const 1024))
    ;; Texts from `get` are placed one after the other; an instance serves only one evaluation.
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $given i32)
      (local.set $given (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
      (global.set $free (i32.add (local.get $given) (local.get 3)))
      ;; There is no memory beyond the first page: trap rather than return a wrong answer.
      (if (i32.gt_u (global.get $free) (i32.const 65536)) (then unreachable))
      (local.get $given))
    (data (i32.const 0) "/amount")
    (data (i32.const 16) "TypeError: `amount` must be an integer"))
  (core instance $m (instantiate $memory))
  (alias core export $m "memory" (core memory $mem))
  (alias core export $m "realloc" (core func $realloc))
  (alias export $fields "get" (func $get))
  (core func $get-lowered (canon lower (func $get) (memory $mem) (realloc $realloc) string-encoding=utf8))

  (core module $risk
    (import "m" "memory" (memory 1))
    (import "f" "get" (func $get (param i32 i32 i32)))
    (func (export "is-high") (result i32)
      ;; At 64 the option's case, at 72 the value's case, at 80 its payload. At 128 this function's result.
      (call $get (i32.const 0) (i32.const 7) (i32.const 64))
      (if (i32.and (i32.load8_u (i32.const 64)) (i32.eq (i32.load8_u (i32.const 72)) (i32.const 2)))
        (then
          (i32.store8 (i32.const 128) (i32.const 0))
          (i32.store8 (i32.const 132) (i64.ge_s (i64.load (i32.const 80)) (i64.const 1000))))
        (else
          (i32.store8 (i32.const 128) (i32.const 1))
          (i32.store (i32.const 132) (i32.const 16))
          (i32.store (i32.const 136) (i32.const 38))))
      (i32.const 128)))
  (core instance $f (export "get" (func $get-lowered)))
  (core instance $i (instantiate $risk (with "m" (instance $m)) (with "f" (instance $f))))
  (alias core export $i "is-high" (core func $is-high))
  (type $verdict (result bool (error string)))
  (func (export "is-high") (result $verdict)
    (canon lift (core func $is-high) (memory $mem) string-encoding=utf8)))
