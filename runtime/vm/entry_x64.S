// The border between C (System V) and wasm (abi/vmctx.h) on x86_64: the way in, the ways out, the end of a trap.
// Everything here carries unwind data, so that a C++ exception or a debugger walks from host code through wasm frames.
#include "runtime/vm/offsets.h"
#include "runtime/vm/saved_x64.h"

// The innermost activation of this thread: the first word of zw_thread.
#define LOAD_HEAD(reg) mov zw_thread@gottpoff(%rip), reg; mov %fs:(reg), reg

        .text

// uint32_t zw_enter(Activation *a, Value *args, void *code, VmCtx *v, void *entry_thunk)
// Stack while wasm runs: [rsp] host's mxcsr, [rsp+4] 1 if it must be put back, [rsp+8] serial, [rsp+16] activation.
#define PUSH_ALL                                                                                                       \
        PUSH_SAVED;                                                                                                    \
        mov ACT_SERIAL(%rdi), %rax;                                                                                    \
        mov %rax, 8(%rsp);                                                                                             \
        mov %rdi, 16(%rsp);                                                                                            \
        mov %rsp, ACT_ENTRY_SP(%rdi);                                                                                  \
        stmxcsr (%rsp);                                                                                                \
        movl $0, 4(%rsp)

HIDDEN_FUNC(zw_enter)
        .cfi_personality 0x1b, zw_personality
        PUSH_ALL
        mov (%rsp), %eax
        and $MXCSR_MODE, %eax
        cmp $MXCSR_WASM, %eax
        jne 2f
1:      mov %rcx, %r15
        mov (%rcx), %r14
        mov %rdx, %rax
        mov %rsi, %rdi
        call *%r8
        xor %eax, %eax
zw_landing:
        cmpl $0, 4(%rsp)
        jne 3f
4:      .cfi_remember_state
        POP_SAVED
        ret
        .cfi_restore_state
2:      mov (%rsp), %eax
        mov %eax, ACT_HOST_MXCSR(%rdi)
        movl $1, 4(%rsp)
        ldmxcsr zw_wasm_mxcsr(%rip)
        jmp 1b
3:      ldmxcsr (%rsp)
        jmp 4b
END_FUNC(zw_enter)

// uint32_t zw_enter_c(Activation *a, void *arg, void (*fn)(void *arg)): the same frame around host code.
HIDDEN_FUNC(zw_enter_c)
        .cfi_personality 0x1b, zw_personality
        PUSH_ALL
        mov %rsi, %rdi
        call *%rdx
        xor %eax, %eax
        jmp zw_landing
END_FUNC(zw_enter_c)

// _Noreturn void zw_land(uintptr_t entry_sp, uint32_t trap)
HIDDEN_FUNC(zw_land)
        mov %rdi, %rsp
        mov %esi, %eax
        orl $1, 4(%rsp)                 // the host's float state may have been put aside by a shim on the way
        testl $2, 4(%rsp)
        jz zw_landing
        jmp zw_landing_direct
END_FUNC(zw_land)

// The end of an entry of call_x64.S when anything was special: eax = how it ended, rsp as while wasm ran.
        .globl zw_landing_direct
        .hidden zw_landing_direct
        .type zw_landing_direct, @function
        .balign 16
zw_landing_direct:
        .cfi_startproc
        .cfi_def_cfa_offset 80
        .cfi_offset %rbp, -16
        .cfi_offset %rbx, -24
        .cfi_offset %r12, -32
        .cfi_offset %r13, -40
        .cfi_offset %r14, -48
        .cfi_offset %r15, -56
        mov %eax, %ebx
        testl $1, 4(%rsp)
        jz 1f
        ldmxcsr (%rsp)
1:      mov 16(%rsp), %rdi
        call zw_activation_end
        mov %ebx, %eax
        POP_SAVED
        ret
        .cfi_endproc
        .size zw_landing_direct, . - zw_landing_direct

// Trap thunks jump here: eax = kind, [rsp] = pc of the site.
HIDDEN_FUNC(zw_trap_shim)
        .cfi_undefined %rip
        mov %eax, %edi
        mov %r15, %rsi
        pop %rdx
        mov %rsp, %rcx
        and $-16, %rsp
        call zw_trap_at
        ud2
END_FUNC(zw_trap_shim)

// The fault handler sends the thread here: eax = kind, rdx = pc, rcx = sp, r8 = address of the access.
HIDDEN_FUNC(zw_fault_shim)
        .cfi_undefined %rip
        mov %eax, %edi
        mov %r15, %rsi
        and $-16, %rsp
        call zw_fault_at
        ud2
END_FUNC(zw_fault_shim)

// HOST thunks call here: rdi = slots, rsi = the caller's vmctx, r15 = HostFunc.  r10 and r11 are wasm's to keep.
HIDDEN_FUNC(zw_host_shim)
        LOAD_HEAD(%rax)
        mov (%rsp), %rcx
        mov %rcx, ACT_EXIT_PC(%rax)
        lea 8(%rsp), %rcx
        mov %rcx, ACT_EXIT_SP(%rax)
        jmp zw_host_call
END_FUNC(zw_host_shim)

// The same when the caller has noted the exit.  [rsp] mxcsr, +8 caller, +16 activation, +24 r10, +32 r11
HIDDEN_FUNC(zw_host_call)
        sub $40, %rsp
        .cfi_adjust_cfa_offset 40
        mov %r10, 24(%rsp)
        .cfi_rel_offset %r10, 24
        mov %r11, 32(%rsp)
        .cfi_rel_offset %r11, 32
        LOAD_HEAD(%rax)
        mov %rsi, 8(%rsp)
        mov %rax, 16(%rsp)
        mov %rsp, ACT_EXIT_FRAME(%rax)
        cmpl $0, ACT_HOST_MXCSR(%rax)
        jne 5f
1:      mov %rdi, %rdx
        mov HOST_ENV(%r15), %rdi
        call *HOST_FN(%r15)
        mov 16(%rsp), %rdi
        mov 8(%rsp), %rsi
        mov zw_thread@gottpoff(%rip), %rax
        cmp %rdi, %fs:(%rax)            // calls that an exception or longjmp skipped are still on top of ours
        jne 6f
2:      cmpl $0, ACT_PENDING(%rdi)      // before the exit is forgotten: the backtrace begins there
        jne 7f
        xor %eax, %eax
        mov %rax, ACT_EXIT_PC(%rdi)
        mov %rax, ACT_EXIT_FRAME(%rdi)
        mov ACT_STACK_LIMIT(%rdi), %rax // a fiber may have entered this instance in between
        cmp %rax, CTX_STACK_LIMIT(%rsi)
        jne 9f
4:      stmxcsr (%rsp)
        mov (%rsp), %eax
        and $MXCSR_MODE, %eax
        cmp $MXCSR_WASM, %eax
        jne 8f
3:      mov 24(%rsp), %r10
        mov 32(%rsp), %r11
        add $40, %rsp
        .cfi_adjust_cfa_offset -40
        ret
        .cfi_adjust_cfa_offset 40
5:      ldmxcsr ACT_HOST_MXCSR(%rax)
        jmp 1b
6:      call zw_activation_back
        mov 16(%rsp), %rdi
        mov 8(%rsp), %rsi
        jmp 2b
7:      mov %rsi, %rsi
        call zw_trap_pending
        ud2
8:      ldmxcsr zw_wasm_mxcsr(%rip)
        jmp 3b
9:      mov %rax, CTX_STACK_LIMIT(%rsi)
        jmp 4b
END_FUNC(zw_host_call)

// ---- library calls: everything but rax, the flags and xmm15 comes back as it was ----
// rax = the C body; [rsp] = return address in wasm.  Frame of 328: [0] sixth argument, [16] xmm0-14, [256] integers.
        .type libcall, @function
        .balign 16
libcall:
        .cfi_startproc
        sub $328, %rsp
        .cfi_adjust_cfa_offset 328
        movaps %xmm0, 16(%rsp)
        movaps %xmm1, 32(%rsp)
        movaps %xmm2, 48(%rsp)
        movaps %xmm3, 64(%rsp)
        movaps %xmm4, 80(%rsp)
        movaps %xmm5, 96(%rsp)
        movaps %xmm6, 112(%rsp)
        movaps %xmm7, 128(%rsp)
        movaps %xmm8, 144(%rsp)
        movaps %xmm9, 160(%rsp)
        movaps %xmm10, 176(%rsp)
        movaps %xmm11, 192(%rsp)
        movaps %xmm12, 208(%rsp)
        movaps %xmm13, 224(%rsp)
        movaps %xmm14, 240(%rsp)
        mov %rcx, 256(%rsp)
        mov %rdx, 264(%rsp)
        mov %rsi, 272(%rsp)
        mov %rdi, 280(%rsp)
        mov %r8, 288(%rsp)
        mov %r9, 296(%rsp)
        mov %r10, 304(%rsp)
        .cfi_rel_offset %r10, 304
        mov %r11, 312(%rsp)
        .cfi_rel_offset %r11, 312
        LOAD_HEAD(%r10)
        mov 328(%rsp), %r11
        mov %r11, ACT_EXIT_PC(%r10)
        lea 336(%rsp), %r11
        mov %r11, ACT_EXIT_SP(%r10)
        mov %r10, 320(%rsp)
        mov %r9, (%rsp)
        mov %r8, %r9
        mov %rcx, %r8
        mov %rdx, %rcx
        mov %rsi, %rdx
        mov %rdi, %rsi
        mov %r15, %rdi
        call *%rax
        mov 320(%rsp), %r10
        movq $0, ACT_EXIT_PC(%r10)
        movaps 16(%rsp), %xmm0
        movaps 32(%rsp), %xmm1
        movaps 48(%rsp), %xmm2
        movaps 64(%rsp), %xmm3
        movaps 80(%rsp), %xmm4
        movaps 96(%rsp), %xmm5
        movaps 112(%rsp), %xmm6
        movaps 128(%rsp), %xmm7
        movaps 144(%rsp), %xmm8
        movaps 160(%rsp), %xmm9
        movaps 176(%rsp), %xmm10
        movaps 192(%rsp), %xmm11
        movaps 208(%rsp), %xmm12
        movaps 224(%rsp), %xmm13
        movaps 240(%rsp), %xmm14
        mov 256(%rsp), %rcx
        mov 264(%rsp), %rdx
        mov 272(%rsp), %rsi
        mov 280(%rsp), %rdi
        mov 288(%rsp), %r8
        mov 296(%rsp), %r9
        mov 304(%rsp), %r10
        mov 312(%rsp), %r11
        add $328, %rsp
        .cfi_adjust_cfa_offset -328
        ret
        .cfi_endproc
        .size libcall, . - libcall

// A linked program contains the bodies that its objects name; the others are weak and nothing calls their shims.
#ifdef ZW_LINKED_RUNTIME
        .macro BODY id
        .weak zw_lib_\id
        .hidden zw_lib_\id
        .endm
#define LIBCALL(id, sig, flags) BODY id;
#include "runtime/abi/libcall.def"
#endif

        .macro SHIM id
        .balign 16
        .type zw_shim_\id, @function
zw_shim_\id:
        mov zw_lib_\id@GOTPCREL(%rip), %rax
        jmp libcall
        .size zw_shim_\id, . - zw_shim_\id
        .endm
        .cfi_startproc                  // one row of unwind data for all of them: none moves the stack
#define LIBCALL(id, sig, flags) SHIM id;
#include "runtime/abi/libcall.def"
        .cfi_endproc

        .globl zw_shim_memory_copy, zw_shim_memory_fill // for bulk_x64.S
        .hidden zw_shim_memory_copy, zw_shim_memory_fill

        .section .rodata
        .balign 4
        .globl zw_wasm_mxcsr
        .hidden zw_wasm_mxcsr
zw_wasm_mxcsr:
        .long MXCSR_WASM

        .section .data.rel.ro, "aw"
        .globl zw_shims
        .hidden zw_shims
        .type zw_shims, @object
        .balign 8
zw_shims:
        .macro SHIM_ADDRESS id // the quick ones are named for what they stand in for
        .quad \id
        .endm
#define zw_shim_memory_copy zw_quick_memory_copy
#define zw_shim_memory_fill zw_quick_memory_fill
        .hidden zw_shim_memory_copy, zw_shim_memory_fill
#define LIBCALL(id, sig, flags) SHIM_ADDRESS zw_shim_##id;
#include "runtime/abi/libcall.def"
        .size zw_shims, . - zw_shims

        .section .note.GNU-stack, "", @progbits
