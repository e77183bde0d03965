;; As the other file, for what not all lanes have.
(module
  (tag $e)
  (func (export "some") (result anyref) (ref.i31 (i32.const 5)))
  (func (export "throw") (throw $e))
  (func (export "nothing")))
(assert_return (invoke "some") (ref.null))
(assert_return (invoke "some") (ref.struct))
(assert_trap (invoke "throw") "unreachable")
(assert_return (invoke "throw"))
(assert_exception (invoke "nothing"))
