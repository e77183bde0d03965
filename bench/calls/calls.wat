;; What a border costs: an export that does nearly nothing, and a loop that calls the host.
(module
  (import "host" "tick" (func $tick (param i32 i32) (result i32)))
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "spin") (param $n i32) (result i32) (local $sum i32)
    (loop $again
      (local.set $sum (call $tick (local.get $sum) (local.get $n)))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $again (local.get $n)))
    (local.get $sum)))
