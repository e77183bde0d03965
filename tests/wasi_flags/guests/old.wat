;; wasi_unstable: whence, filestat and subscriptions as they were.  Prints "old" and ends with 0, or with the number of the claim that failed.
(module
  (import "wasi_unstable" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_unstable" "fd_seek" (func $fd_seek (param i32 i64 i32 i32) (result i32)))
  (import "wasi_unstable" "fd_filestat_get" (func $fd_filestat_get (param i32 i32) (result i32)))
  (import "wasi_unstable" "path_filestat_get" (func $path_filestat_get (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_unstable" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_unstable" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (import "wasi_unstable" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "\10\00\00\00\04\00\00\00old\n")
  (data (i32.const 32) "file")
  (func $claim (param $number i32) (param $ok i32)
    (if (i32.eqz (local.get $ok)) (then (call $proc_exit (local.get $number)))))
  (func (export "_start") (local $fd i32)
    (call $claim (i32.const 1) (i32.eqz (call $path_open (i32.const 3) (i32.const 0) (i32.const 32) (i32.const 4) (i32.const 0)
      (i64.const 0x200026) (i64.const 0) (i32.const 0) (i32.const 64))))
    (local.set $fd (i32.load (i32.const 64)))
    (call $claim (i32.const 2) (i32.eqz (call $fd_seek (local.get $fd) (i64.const 2) (i32.const 2) (i32.const 72))))  ;; set
    (call $claim (i32.const 3) (i32.eqz (call $fd_seek (local.get $fd) (i64.const 1) (i32.const 0) (i32.const 72))))  ;; current
    (call $claim (i32.const 4) (i64.eq (i64.load (i32.const 72)) (i64.const 3)))
    (call $claim (i32.const 5) (i32.eqz (call $fd_seek (local.get $fd) (i64.const -1) (i32.const 1) (i32.const 72)))) ;; end
    (call $claim (i32.const 6) (i64.eq (i64.load (i32.const 72)) (i64.const 4)))
    (call $claim (i32.const 7) (i32.eq (call $fd_seek (local.get $fd) (i64.const 0) (i32.const 3) (i32.const 72)) (i32.const 28)))
    (i64.store (i32.const 184) (i64.const 0x7777777777777777))
    (call $claim (i32.const 8) (i32.eqz (call $fd_filestat_get (local.get $fd) (i32.const 128))))
    (call $claim (i32.const 9) (i32.eq (i32.load8_u (i32.const 144)) (i32.const 4)))
    (call $claim (i32.const 10) (i32.eq (i32.load (i32.const 148)) (i32.const 1)))       ;; links
    (call $claim (i32.const 11) (i64.eq (i64.load (i32.const 152)) (i64.const 5)))       ;; bytes
    (call $claim (i32.const 12) (i64.eq (i64.load (i32.const 184)) (i64.const 0x7777777777777777)))
    (call $claim (i32.const 13) (i32.eqz (call $path_filestat_get (i32.const 3) (i32.const 0) (i32.const 32) (i32.const 4) (i32.const 192))))
    (call $claim (i32.const 14) (i64.eq (i64.load (i32.const 216)) (i64.const 5)))
    (i64.store (i32.const 512) (i64.const 42))      ;; a subscription of 56 bytes: a monotonic clock, 1 ms from now
    (i32.store (i32.const 536) (i32.const 1))
    (i64.store (i32.const 544) (i64.const 1000000))
    (call $claim (i32.const 15) (i32.eqz (call $poll_oneoff (i32.const 512) (i32.const 640) (i32.const 1) (i32.const 700))))
    (call $claim (i32.const 16) (i64.eq (i64.load (i32.const 640)) (i64.const 42)))
    (call $claim (i32.const 17) (i32.eq (i32.load (i32.const 700)) (i32.const 1)))
    (call $claim (i32.const 18) (i32.eqz (call $fd_write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 72))))))
