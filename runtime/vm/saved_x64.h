// For the files in assembly: a function with unwind data that only the runtime names.
#define HIDDEN_FUNC(name) .globl name; .hidden name; .type name, @function; .balign 16; name: .cfi_startproc
#define END_FUNC(name) .cfi_endproc; .size name, . - name

// What every way from C into wasm saves, and how it comes back: rbp, rbx, r12 to r15, and 24 bytes below them.
#define PUSH_SAVED                                                                                                     \
        push %rbp; .cfi_adjust_cfa_offset 8; .cfi_rel_offset %rbp, 0;                                                  \
        push %rbx; .cfi_adjust_cfa_offset 8; .cfi_rel_offset %rbx, 0;                                                  \
        push %r12; .cfi_adjust_cfa_offset 8; .cfi_rel_offset %r12, 0;                                                  \
        push %r13; .cfi_adjust_cfa_offset 8; .cfi_rel_offset %r13, 0;                                                  \
        push %r14; .cfi_adjust_cfa_offset 8; .cfi_rel_offset %r14, 0;                                                  \
        push %r15; .cfi_adjust_cfa_offset 8; .cfi_rel_offset %r15, 0;                                                  \
        sub $24, %rsp; .cfi_adjust_cfa_offset 24
#define POP_SAVED                                                                                                      \
        add $24, %rsp; .cfi_adjust_cfa_offset -24;                                                                     \
        pop %r15; .cfi_adjust_cfa_offset -8; .cfi_restore %r15;                                                        \
        pop %r14; .cfi_adjust_cfa_offset -8; .cfi_restore %r14;                                                        \
        pop %r13; .cfi_adjust_cfa_offset -8; .cfi_restore %r13;                                                        \
        pop %r12; .cfi_adjust_cfa_offset -8; .cfi_restore %r12;                                                        \
        pop %rbx; .cfi_adjust_cfa_offset -8; .cfi_restore %rbx;                                                        \
        pop %rbp; .cfi_adjust_cfa_offset -8; .cfi_restore %rbp
