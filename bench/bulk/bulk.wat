;; memory.copy and memory.fill, so often that calls into the module do not count.
(module
  (memory (export "memory") 1024)
  (func (export "copy") (param $to i32) (param $from i32) (param $n i32) (param $times i32)
    (loop $again
      (memory.copy (local.get $to) (local.get $from) (local.get $n))
      (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1))))))
  (func (export "fill") (param $to i32) (param $byte i32) (param $n i32) (param $times i32)
    (loop $again
      (memory.fill (local.get $to) (local.get $byte) (local.get $n))
      (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))))
