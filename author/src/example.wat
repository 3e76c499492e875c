;; The smallest handler: it answers its input. `package build` translates this text to a module.
(module
  (memory (export "memory") 1)
  (global $free (mut i32) (i32.const 1024))

  ;; The runtime asks for a place for each string and list that it hands over. A fresh instance runs once, so nothing is given back.
  (func (export "cabi_realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
    (local $place i32)
    (local.set $place
      (i32.and
        (i32.add (global.get $free) (i32.sub (local.get $align) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get $align))))
    (global.set $free (i32.add (local.get $place) (local.get $size)))
    (if (i32.gt_u (global.get $free) (i32.mul (memory.size) (i32.const 65536)))
      (then
        (drop (memory.grow
          (i32.add (i32.div_u (i32.sub (global.get $free) (i32.mul (memory.size) (i32.const 65536))) (i32.const 65536)) (i32.const 1))))))
    (local.get $place))

  ;; Execution, handler, version and caller, each as pointer and length; the time; the attributes; the input.
  (func (export "handle")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i64 i32 i32) (param $input i32) (param $length i32) (result i32)
    (i32.store8 (i32.const 16) (i32.const 0))             ;; 0: an output, and not a failure
    (i32.store (i32.const 20) (local.get $input))         ;; where it is
    (i32.store (i32.const 24) (local.get $length))        ;; and how long
    (i32.const 16))

  (func (export "cabi_post_handle") (param i32)))
