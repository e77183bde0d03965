;; A delegating try behind other clauses of the function once came out with a clause that was not its own.
(module (tag $e0)
  (func (export "a") (result i32)
    (try (result i32)
      (do (try $l3
            (do (try $l2
                  (do (try $l1
                        (do (throw $e0))
                        (delegate $l3)))
                  (catch_all unreachable)))
            (catch_all (try
                         (do (throw $e0))
                         (delegate $l3))))
          unreachable)
      (catch_all (i32.const 1))))
  (func (export "b") (result i32)
    (try (result i32)
      (do (try $l3
            (do (try $l2
                  (do (throw $e0))
                  (catch_all (throw $e0))))
            (catch_all (try
                         (do (throw $e0))
                         (delegate $l3))))
          unreachable)
      (catch_all (i32.const 1))))
  (func (export "c") (result i32)
    (try (result i32)
      (do (try $l3
            (do (throw $e0))
            (catch_all (throw $e0)))
          unreachable)
      (catch_all (i32.const 1))))
  (func (export "d") (result i32)
    (try (result i32)
      (do (try $l3
            (do (try (do (throw $e0)) (catch_all)) (throw $e0))
            (catch_all (try
                         (do (throw $e0))
                         (delegate $l3))))
          unreachable)
      (catch_all (i32.const 1))))
)
(assert_return (invoke "a") (i32.const 1))
(assert_return (invoke "b") (i32.const 1))
(assert_return (invoke "c") (i32.const 1))
(assert_return (invoke "d") (i32.const 1))
