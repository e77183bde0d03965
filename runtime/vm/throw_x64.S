// throw and throw_ref of machine code: library calls (entry_x64.S) whose bodies may go on in a handler further out.  The body
// needs the registers that wasm keeps over calls as they were at the throw: they stand in a row of 16 words by machine number,
// in which it leaves those of the handler, with rsp, and its pc in the place of rcx.
#include "runtime/vm/offsets.h"

// Of libcall's frame: its return address, then 304 and 312 bytes further up, r10 and r11.
#define ROW 136
#define LIBCALL_R10 (ROW + 8 + 304)
#define LIBCALL_R11 (ROW + 8 + 312)

        .text

        .macro THROW name, row, body
        .globl \name
        .hidden \name
        .type \name, @function
        .balign 16
\name:
        .cfi_startproc
        sub $ROW, %rsp
        .cfi_adjust_cfa_offset ROW
        mov %rbx, 24(%rsp)
        mov %rbp, 40(%rsp)
        mov LIBCALL_R10(%rsp), %rax
        mov %rax, 80(%rsp)
        mov LIBCALL_R11(%rsp), %rax
        mov %rax, 88(%rsp)
        mov %r12, 96(%rsp)
        mov %r13, 104(%rsp)
        mov %r14, 112(%rsp)
        mov %r15, 120(%rsp)
        mov %rsp, \row
        call \body                      // comes back when somebody catches it
        mov (%rsp), %rax
        mov 8(%rsp), %rcx
        mov 16(%rsp), %rdx
        mov 24(%rsp), %rbx
        mov 40(%rsp), %rbp
        mov 80(%rsp), %r10
        mov 88(%rsp), %r11
        mov 96(%rsp), %r12
        mov 104(%rsp), %r13
        mov 112(%rsp), %r14
        mov 120(%rsp), %r15
        mov 32(%rsp), %rsp
        jmp *%rcx
        .cfi_endproc
        .size \name, . - \name
        .endm

        THROW zw_lib_throw, %rcx, zw_throw
        THROW zw_lib_throw_ref, %rdx, zw_throw_ref

        .section .note.GNU-stack, "", @progbits
