// zwasm_rt_call and zwasm_rt_call_try where nothing is special: the function has been called before, no entry is in progress
// on this thread, and it stands on its own stack.  Everything else is zw_rt_call_slowly's (rt.c), which does the same in C.
//
// The frame is that of zw_enter (entry_x64.S), so that traps, exceptions and backtraces see no difference; 2 in [rsp+4] says
// that the entry ends here.  The record is the thread's first one, which is clean while it is not in use: what stays
// zero, and the stack's bounds, are not written again, and what the last call left is compared first, because stores are
// what a call costs.  It counts its serial numbers by itself.  Wasm keeps rbx, rbp, r12 and r13 for a normal return.
#include "runtime/vm/offsets.h"
#include "runtime/vm/saved_x64.h"

        .text

.macro DIRECT_CALL name, plain, slowly
        .globl \name
        .hidden \name
        .type \name, @function
        .balign 32
\name:
        .cfi_startproc
        .cfi_personality 0x1b, zw_personality
        mov %esi, %esi
        mov RT_CALLS(%rdi), %rax
        mov zw_thread@gottpoff(%rip), %r10
        mov (%rax,%rsi,8), %r8          // FuncRef
        mov %rsp, %r11
        test %r8, %r8
        jz \slowly
        sub %fs:THREAD_FLOOR(%r10), %r11
        cmp %fs:THREAD_SPAN(%r10), %r11
        jae \slowly
        mov FUNC_ENTRY(%r8), %r9
        test %r9, %r9
        jz \slowly
        cmpq $0, %fs:(%r10)
        jne \slowly
        PUSH_SAVED
        stmxcsr (%rsp)
        mov FUNC_VMCTX(%r8), %r15
        mov %fs:THREAD_FIRST(%r10), %rax
        mov %fs:THREAD_LOWEST(%r10), %rsi
        mov %rsp, %rcx                  // stack limit: sp - budget, but not below `lowest`
        sub CTX_BUDGET(%r15), %rcx
        cmovc %rsi, %rcx
        cmp %rsi, %rcx
        cmovb %rsi, %rcx
        cmp %rcx, ACT_STACK_LIMIT(%rax)
        jne 5f
        cmp %rcx, CTX_STACK_LIMIT(%r15)
        jne 5f
6:      movabs $SERIAL_STEP, %rcx
        add ACT_SERIAL(%rax), %rcx
        mov %rcx, ACT_SERIAL(%rax)
        mov %rcx, 8(%rsp)
        mov %rax, 16(%rsp)
        mov %rsp, ACT_ENTRY_SP(%rax)
        movl $2, 4(%rsp)
        cmp %rax, CTX_ACTIVATION(%r15)
        jne 3f
        cmp %r15, ACT_VMCTX(%rax)
        jne 3f
        cmpl $\plain, ACT_PLAIN(%rax)
        jne 3f
4:      mov %rax, %fs:(%r10)
        mov (%rsp), %ecx
        and $MXCSR_MODE, %ecx
        cmp $MXCSR_WASM, %ecx
        jne 2f
1:      mov (%r15), %r14
        mov (%r8), %rax
        mov %rdx, %rdi
        call *%r9
        mov zw_thread@gottpoff(%rip), %r10
        xor %eax, %eax
        mov 16(%rsp), %rdi
        cmpl $2, 4(%rsp)
        jne zw_landing_direct
        cmp %rdi, %fs:(%r10)            // entries that longjmp or an exception skipped are still on top
        jne zw_landing_direct
        movq $0, %fs:(%r10)
        mov 24(%rsp), %r15
        mov 32(%rsp), %r14
        add $72, %rsp
        .cfi_remember_state
        .cfi_adjust_cfa_offset -72
        .cfi_restore %rbp
        .cfi_restore %rbx
        .cfi_restore %r12
        .cfi_restore %r13
        .cfi_restore %r14
        .cfi_restore %r15
        ret
        .cfi_restore_state
2:      mov (%rsp), %ecx
        mov %ecx, ACT_HOST_MXCSR(%rax)
        movl $3, 4(%rsp)
        ldmxcsr zw_wasm_mxcsr(%rip)
        jmp 1b
5:      mov %rcx, ACT_STACK_LIMIT(%rax)
        mov %rcx, CTX_STACK_LIMIT(%r15)
        jmp 6b
3:      mov %rax, CTX_ACTIVATION(%r15)
        mov %r15, ACT_VMCTX(%rax)
        movl $\plain, ACT_PLAIN(%rax)
        jmp 4b
        .cfi_endproc
        .size \name, . - \name
.endm

        DIRECT_CALL zwasm_rt_call, 1, zw_rt_call_slowly
        DIRECT_CALL zwasm_rt_call_try, 0, zw_rt_call_try_slowly

        .section .note.GNU-stack, "", @progbits
