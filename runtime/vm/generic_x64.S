// A HOST thunk for every signature: the `code` of a host function until a module brings a thunk of its own, and of an
// interpreted function always.  r15 = HostFunc or the interpreted instance, rax = TableElem or FuncRef, below an XCALL thunk.
// HostRegs from rbp-192: xmm0-7, rdi rsi rdx rcx r8 r9, r11, r10, rbp, return address, stack arguments.
#include "runtime/vm/saved_x64.h"

        .text

HIDDEN_FUNC(zw_host_generic)
        push %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbp, 0
        mov %rsp, %rbp
        .cfi_def_cfa_register %rbp
        push %r10
        .cfi_offset %r10, -24
        push %r11
        .cfi_offset %r11, -32
        sub $176, %rsp
        movaps %xmm0, -192(%rbp)
        movaps %xmm1, -176(%rbp)
        movaps %xmm2, -160(%rbp)
        movaps %xmm3, -144(%rbp)
        movaps %xmm4, -128(%rbp)
        movaps %xmm5, -112(%rbp)
        movaps %xmm6, -96(%rbp)
        movaps %xmm7, -80(%rbp)
        mov %rdi, -64(%rbp)
        mov %rsi, -56(%rbp)
        mov %rdx, -48(%rbp)
        mov %rcx, -40(%rbp)
        mov %r8, -32(%rbp)
        mov %r9, -24(%rbp)
        mov %r15, %rdi
        mov %rax, %rsi
        call zw_generic_func
        mov %rax, %r15
        mov %rax, %rdi
        call zw_generic_bytes
        sub %rax, %rsp
        mov %r15, %rdi
        lea -192(%rbp), %rsi
        mov %rsp, %rdx
        call zw_generic_in
        mov %rsp, %rdi
        mov %rax, %rsi
        call zw_host_call
        mov %r15, %rdi
        lea -192(%rbp), %rsi
        mov %rsp, %rdx
        call zw_generic_out
        lea 8(%rbp, %rax), %r9          // where the return address must stand for the pops to come out right
        mov 8(%rbp), %rcx
        mov %rcx, (%r9)
        movaps -192(%rbp), %xmm0
        movaps -176(%rbp), %xmm1
        movaps -160(%rbp), %xmm2
        movaps -144(%rbp), %xmm3
        movaps -128(%rbp), %xmm4
        movaps -112(%rbp), %xmm5
        movaps -96(%rbp), %xmm6
        movaps -80(%rbp), %xmm7
        mov -64(%rbp), %rax
        mov -56(%rbp), %rdx
        mov -48(%rbp), %rcx
        mov -40(%rbp), %rsi
        mov -32(%rbp), %rdi
        mov -24(%rbp), %r8
        mov -16(%rbp), %r11
        mov -8(%rbp), %r10
        mov (%rbp), %rbp
        mov %r9, %rsp
        .cfi_def_cfa %rsp, 8
        .cfi_restore %rbp
        .cfi_restore %r10
        .cfi_restore %r11
        ret
END_FUNC(zw_host_generic)

        .section .note.GNU-stack, "", @progbits
