//! Hostile guests in WAT: memory and allocator in one module, the attack in another.

const FIELDS: &str = r#"(import "bureaucrat:condition/fields@1.1.0" (instance $fields
  (type $v (variant (case "null") (case "boolean" bool) (case "integer" s64) (case "big-integer" string)
    (case "float" f64) (case "text" string) (case "list" u32) (case "record" u32)))
  (export "value" (type $value (eq $v))) (type $o (option $value))
  (export "get" (func (param "pointer" string) (result $o)))
  (type $texts (list string)) (type $ks (option $texts))
  (export "keys" (func (param "pointer" string) (result $ks)))
  (type $j (option string))
  (export "json" (func (param "pointer" string) (result $j)))))"#;

/// An allocator that hands out memory from address 4,096 on.
const ALLOCATES: &str = "global.get $h global.get $h local.get 3 i32.add i32.const 7 i32.add i32.const -8 i32.and global.set $h";

/// A guest made of these parts. `code` exports `evaluate`, which returns a verdict unless
/// [`Guest::value`] was called.
#[derive(Debug, Clone)]
pub struct Guest {
    data: &'static str,
    allocator: &'static str,
    ok: &'static str,
    code: String,
}

/// A guest whose main module contains `code`.
pub fn guest(code: impl Into<String>) -> Guest {
    Guest {
        data: "",
        allocator: ALLOCATES,
        ok: "bool",
        code: code.into(),
    }
}

/// A guest whose `evaluate` has this body.
pub fn evaluates(body: impl AsRef<str>) -> Guest {
    guest(format!(
        "(func (export \"evaluate\") (result i32) {})",
        body.as_ref()
    ))
}

impl Guest {
    /// With data from address 0.
    pub fn data(mut self, data: &'static str) -> Self {
        self.data = data;
        self
    }

    /// With another allocator body, which has four parameters of type i32 and returns one.
    pub fn allocator(mut self, body: &'static str) -> Self {
        self.allocator = body;
        self
    }

    /// Returns a text.
    pub fn value(mut self) -> Self {
        self.ok = "string";
        self
    }

    pub fn component(&self) -> Vec<u8> {
        let text = self.text();
        ::wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    fn text(&self) -> String {
        let Self {
            data,
            allocator,
            ok,
            code,
        } = self;
        format!(
            r#"(component {FIELDS}
(core module $mem (memory (export "memory") 1 16) (global $h (mut i32) (i32.const 4096))
  (func (export "realloc") (param i32 i32 i32 i32) (result i32) {allocator})
  (data (i32.const 0) "{data}"))
(core instance $m (instantiate $mem))
(alias core export $m "memory" (core memory $memory))
(alias core export $m "realloc" (core func $realloc))
(core func $get (canon lower (func $fields "get") (memory $memory) (realloc $realloc) string-encoding=utf8))
(core func $keys (canon lower (func $fields "keys") (memory $memory) (realloc $realloc) string-encoding=utf8))
(core func $json (canon lower (func $fields "json") (memory $memory) (realloc $realloc) string-encoding=utf8))
(core module $main (import "m" "memory" (memory 1))
  (import "f" "get" (func $get (param i32 i32 i32))) (import "f" "keys" (func $keys (param i32 i32 i32)))
  (import "f" "json" (func $json (param i32 i32 i32)))
  {code})
(core instance $fi (export "get" (func $get)) (export "keys" (func $keys)) (export "json" (func $json)))
(core instance $i (instantiate $main (with "m" (instance $m)) (with "f" (instance $fi))))
(func (export "evaluate") (result (result {ok} (error string)))
  (canon lift (core func $i "evaluate") (memory $memory) string-encoding=utf8)))"#
        )
    }
}
