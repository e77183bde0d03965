;; The offset of an access is a 64-bit number of up to ten bytes, for 32-bit memories too; its value is below 2^32 there.
;; Here it is padded to 5 to 10 bytes: a load from 4, one from 0xfffffffc, a store to 300 and a load from there.
(module binary
  "\00\61\73\6d\01\00\00\00"  ;; magic
  "\01\0a\02\60\00\01\7f\60\01\7f\01\7f"  ;; types: () -> i32, (i32) -> i32
  "\03\13\12\00\00\01\00\00\01\00\00\01\00\00\01\00\00\01\00\00\01"  ;; functions
  "\05\03\01\00\01"  ;; memory 0: one page
  "\07\94\01\12\05\6c\6f\61\64\35\00\00\04\66\61\72\35\00\01\06\73\74\6f\72\65\35\00\02\05\6c\6f\61\64\36\00\03\04\66\61\72\36\00\04\06\73\74\6f\72\65\36\00\05\05\6c\6f\61\64\37\00\06\04\66\61\72\37\00\07\06\73\74\6f\72\65\37\00\08\05\6c\6f\61\64\38\00\09\04\66\61\72\38\00\0a\06\73\74\6f\72\65\38\00\0b\05\6c\6f\61\64\39\00\0c\04\66\61\72\39\00\0d\06\73\74\6f\72\65\39\00\0e\06\6c\6f\61\64\31\30\00\0f\05\66\61\72\31\30\00\10\07\73\74\6f\72\65\31\30\00\11"  ;; exports
  "\0a\d7\02\12"  ;; code
  "\0b\00\41\00\28\00\84\80\80\80\00\0b"  ;; load5
  "\0b\00\41\00\28\00\fc\ff\ff\ff\0f\0b"  ;; far5
  "\16\00\41\00\20\00\36\00\ac\82\80\80\00\41\00\28\00\ac\82\80\80\00\0b"  ;; store5
  "\0c\00\41\00\28\00\84\80\80\80\80\00\0b"  ;; load6
  "\0c\00\41\00\28\00\fc\ff\ff\ff\8f\00\0b"  ;; far6
  "\18\00\41\00\20\00\36\00\ac\82\80\80\80\00\41\00\28\00\ac\82\80\80\80\00\0b"  ;; store6
  "\0d\00\41\00\28\00\84\80\80\80\80\80\00\0b"  ;; load7
  "\0d\00\41\00\28\00\fc\ff\ff\ff\8f\80\00\0b"  ;; far7
  "\1a\00\41\00\20\00\36\00\ac\82\80\80\80\80\00\41\00\28\00\ac\82\80\80\80\80\00\0b"  ;; store7
  "\0e\00\41\00\28\00\84\80\80\80\80\80\80\00\0b"  ;; load8
  "\0e\00\41\00\28\00\fc\ff\ff\ff\8f\80\80\00\0b"  ;; far8
  "\1c\00\41\00\20\00\36\00\ac\82\80\80\80\80\80\00\41\00\28\00\ac\82\80\80\80\80\80\00\0b"  ;; store8
  "\0f\00\41\00\28\00\84\80\80\80\80\80\80\80\00\0b"  ;; load9
  "\0f\00\41\00\28\00\fc\ff\ff\ff\8f\80\80\80\00\0b"  ;; far9
  "\1e\00\41\00\20\00\36\00\ac\82\80\80\80\80\80\80\00\41\00\28\00\ac\82\80\80\80\80\80\80\00\0b"  ;; store9
  "\10\00\41\00\28\00\84\80\80\80\80\80\80\80\80\00\0b"  ;; load10
  "\10\00\41\00\28\00\fc\ff\ff\ff\8f\80\80\80\80\00\0b"  ;; far10
  "\20\00\41\00\20\00\36\00\ac\82\80\80\80\80\80\80\80\00\41\00\28\00\ac\82\80\80\80\80\80\80\80\00\0b"  ;; store10
  "\0b\0a\01\00\41\04\0b\04\2a\00\00\00")  ;; data at 4: 42
(assert_return (invoke "load5") (i32.const 42))
(assert_trap (invoke "far5") "out of bounds memory access")
(assert_return (invoke "store5" (i32.const 775)) (i32.const 775))
(assert_return (invoke "load6") (i32.const 42))
(assert_trap (invoke "far6") "out of bounds memory access")
(assert_return (invoke "store6" (i32.const 776)) (i32.const 776))
(assert_return (invoke "load7") (i32.const 42))
(assert_trap (invoke "far7") "out of bounds memory access")
(assert_return (invoke "store7" (i32.const 777)) (i32.const 777))
(assert_return (invoke "load8") (i32.const 42))
(assert_trap (invoke "far8") "out of bounds memory access")
(assert_return (invoke "store8" (i32.const 778)) (i32.const 778))
(assert_return (invoke "load9") (i32.const 42))
(assert_trap (invoke "far9") "out of bounds memory access")
(assert_return (invoke "store9" (i32.const 779)) (i32.const 779))
(assert_return (invoke "load10") (i32.const 42))
(assert_trap (invoke "far10") "out of bounds memory access")
(assert_return (invoke "store10" (i32.const 7710)) (i32.const 7710))
;; one more than that
(assert_invalid (module binary "\00\61\73\6d\01\00\00\00\01\04\01\60\00\00\03\02\01\00\05\03\01\00\01\0a\0e\01\0c\00\41\00\28\00\80\80\80\80\10\1a\0b") "offset out of range")
;; eleven bytes
(assert_malformed (module binary "\00\61\73\6d\01\00\00\00\01\04\01\60\00\00\03\02\01\00\05\03\01\00\01\0a\14\01\12\00\41\00\28\00\84\80\80\80\80\80\80\80\80\80\00\1a\0b") "integer representation too long")
