  (import "wasi_snapshot_preview1" "fd_filestat_get" (func $fd_filestat_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
;; The front of the formatter: standard input, which is a file, to standard output; what is no Go goes to standard error
;; with its reason and exit code 2.
(func $front_write (param $fd i32) (param $p i32) (param $n i32) (param $iov i32)
  (loop $more
    (if (i32.eqz (local.get $n)) (then (return)))
    (i32.store (local.get $iov) (local.get $p))
    (i32.store offset=4 (local.get $iov) (local.get $n))
    (if (call $fd_write (local.get $fd) (local.get $iov) (i32.const 1) (i32.add (local.get $iov) (i32.const 8)))
      (then (call $proc_exit (i32.const 9))))
    (local.set $p (i32.add (local.get $p) (i32.load offset=8 (local.get $iov))))
    (local.set $n (i32.sub (local.get $n) (i32.load offset=8 (local.get $iov))))
    (br $more)))
(func $front (export "_start") (local $p i32) (local $n i32) (local $at i32) (local $got i32) (local $how i32) (local $iov i32)
  (call $initialize)
  ;; below the library's stack: nobody uses it between its calls
  (local.set $iov (i32.and (i32.sub (global.get $__stack_pointer) (i32.const 256)) (i32.const -16)))
  (if (call $fd_filestat_get (i32.const 0) (local.get $iov)) (then (call $proc_exit (i32.const 9))))
  (local.set $n (i32.wrap_i64 (i64.load offset=32 (local.get $iov))))
  (local.set $p (call $alloc (local.get $n)))
  (loop $more
    (i32.store (local.get $iov) (i32.add (local.get $p) (local.get $at)))
    (i32.store offset=4 (local.get $iov) (i32.sub (local.get $n) (local.get $at)))
    (if (call $fd_read (i32.const 0) (local.get $iov) (i32.const 1) (i32.add (local.get $iov) (i32.const 8)))
      (then (call $proc_exit (i32.const 9))))
    (local.set $got (i32.load offset=8 (local.get $iov)))
    (local.set $at (i32.add (local.get $at) (local.get $got)))
    (br_if $more (local.get $got)))
  (local.set $how (call $format)) ;; 0 it is formatted already, 1 the output is it, else the output is an error
  (if (local.get $how)
    (then
      (local.set $p (call $output_ptr))
      (local.set $n (call $output_len))))
  (call $front_write (select (i32.const 2) (i32.const 1) (i32.gt_u (local.get $how) (i32.const 1))) (local.get $p) (local.get $n) (local.get $iov))
  (call $dispose)
  (if (i32.gt_u (local.get $how) (i32.const 1)) (then (call $proc_exit (i32.const 2)))))
