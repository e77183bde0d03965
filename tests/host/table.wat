;; Owns what others import: a table with functions of its own in it.
(module $table
  (global $calls (export "calls") (mut i32) (i32.const 0))
  (memory (export "memory") 1 3)
  (table (export "table") funcref (elem $sub $mul))
  (func $sub (param i32 i32) (result i32)
    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
    (i32.sub (local.get 0) (local.get 1)))
  (func $mul (param i32 i32) (result i32) (i32.mul (local.get 0) (local.get 1))))
