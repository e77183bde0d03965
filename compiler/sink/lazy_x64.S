// From the first call of a function to its compiler and on into its code, as if nothing had been between.
#include "runtime/vm/saved_x64.h"

        .text

// Jumped to by the entry that all stubs call: (%rsp) is the stub's return address, above it stands the frame of a call that has
// just been made, with arguments in any register that the internal convention has (runtime/abi/vmctx.h); r15 is the vmctx.
#define VECTORS 256
HIDDEN_FUNC(zw_lazy_entry)
        push %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbp, 0
        mov %rsp, %rbp
        .cfi_def_cfa_register %rbp
        push %rax
        push %rdi
        push %rsi
        push %rdx
        push %rcx
        push %r8
        push %r9
        push %r10
        push %r11
        sub $(VECTORS + 8), %rsp
        and $-16, %rsp
        .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        movaps %xmm\n, 16 * \n(%rsp)
        .endr
        mov %r15, %rdi
        mov 8(%rbp), %rsi
        lea 16(%rbp), %rdx
        cld
        call zw_lazy_reach              // the code's address; does not come back when there will be none
        mov %rax, 8(%rbp)
        .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        movaps 16 * \n(%rsp), %xmm\n
        .endr
        lea -72(%rbp), %rsp
        pop %r11
        pop %r10
        pop %r9
        pop %r8
        pop %rcx
        pop %rdx
        pop %rsi
        pop %rdi
        pop %rax
        pop %rbp
        .cfi_def_cfa %rsp, 16
        ret
END_FUNC(zw_lazy_entry)

// void zw_lazy_on_stack(void (*fn)(void *arg), void *arg, void *top)
HIDDEN_FUNC(zw_lazy_on_stack)
        push %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbp, 0
        mov %rsp, %rbp
        .cfi_def_cfa_register %rbp
        mov %rdx, %rsp
        mov %rdi, %rax
        mov %rsi, %rdi
        call *%rax
        mov %rbp, %rsp
        pop %rbp
        .cfi_def_cfa %rsp, 8
        ret
END_FUNC(zw_lazy_on_stack)

        .section .note.GNU-stack, "", @progbits
