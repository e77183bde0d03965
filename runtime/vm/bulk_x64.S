// memory.copy and memory.fill of memory 0 where they are short: bounds and bytes, and no state saved that is not used.
// Everything else is the library call's, as if it had not come by here.
//
// What a shim must keep is kept: eax and xmm15 are free, addresses are made from offsets by adding the base and back by
// taking it off, anything else waits in the 128 bytes below the stack pointer, which no signal handler touches.  A copy
// reads its first and last part, which overlap when the length is not twice theirs, before it writes any of them.
#include "runtime/vm/offsets.h"
#include "runtime/vm/saved_x64.h"

#define SHORT 1024              /* from there on rep movsb pays */

// eax = the last place where `len` bytes fit
.macro ROOM len, slow
        mov CTX_MEMORY0_DEF(%r15), %rax
        mov MEMORY_BYTES(%rax), %rax
        sub \len, %rax
        jb \slow
.endm

        .text

// rdi, rsi memories, rdx to, rcx from, r8 bytes
HIDDEN_FUNC(zw_quick_memory_copy)
        mov %edi, %eax
        or %esi, %eax
        jnz zw_shim_memory_copy
        cmp $SHORT, %r8
        jae zw_shim_memory_copy
        ROOM %r8, zw_shim_memory_copy
        cmp %rax, %rdx
        ja zw_shim_memory_copy
        cmp %rax, %rcx
        ja zw_shim_memory_copy
        cmp $64, %r8d
        ja 7f
        add (%r15), %rdx
        add (%r15), %rcx
        cmp $16, %r8d
        jae 2f
        cmp $8, %r8d
        jb 4f
        movq (%rcx), %xmm15
        mov -8(%rcx,%r8), %rax
        movq %xmm15, (%rdx)
        mov %rax, -8(%rdx,%r8)
1:      sub (%r15), %rdx
        sub (%r15), %rcx
        ret
2:      movups %xmm14, -24(%rsp)
        cmp $32, %r8d
        ja 3f
        movups (%rcx), %xmm15
        movups -16(%rcx,%r8), %xmm14
        movups %xmm15, (%rdx)
        movups %xmm14, -16(%rdx,%r8)
        movups -24(%rsp), %xmm14
        jmp 1b
3:      movups %xmm13, -40(%rsp)
        movups %xmm12, -56(%rsp)
        movups (%rcx), %xmm12
        movups 16(%rcx), %xmm13
        movups -32(%rcx,%r8), %xmm14
        movups -16(%rcx,%r8), %xmm15
        movups %xmm12, (%rdx)
        movups %xmm13, 16(%rdx)
        movups %xmm14, -32(%rdx,%r8)
        movups %xmm15, -16(%rdx,%r8)
        jmp 9f
4:      cmp $4, %r8d
        jb 5f
        movd (%rcx), %xmm15
        mov -4(%rcx,%r8), %eax
        movd %xmm15, (%rdx)
        mov %eax, -4(%rdx,%r8)
        jmp 1b
5:      cmp $2, %r8d
        jb 6f
        mov %r9, -8(%rsp)
        movzwl (%rcx), %eax
        movzbl -1(%rcx,%r8), %r9d
        mov %ax, (%rdx)
        mov %r9b, -1(%rdx,%r8)
        mov -8(%rsp), %r9
        jmp 1b
6:      test %r8d, %r8d
        jz 1b
        movzbl (%rcx), %eax
        mov %al, (%rdx)
        jmp 1b
7:      mov %rdx, %rax                  // lines of 64 from the end, the first one last: only where the two lie apart
        sub %rcx, %rax
        cmp %r8, %rax
        jb zw_shim_memory_copy
        neg %rax
        cmp %r8, %rax
        jb zw_shim_memory_copy
        add (%r15), %rdx
        add (%r15), %rcx
        movups %xmm14, -24(%rsp)
        movups %xmm13, -40(%rsp)
        movups %xmm12, -56(%rsp)
        mov %r8, %rax
8:      movups -64(%rcx,%rax), %xmm12
        movups -48(%rcx,%rax), %xmm13
        movups -32(%rcx,%rax), %xmm14
        movups -16(%rcx,%rax), %xmm15
        movups %xmm12, -64(%rdx,%rax)
        movups %xmm13, -48(%rdx,%rax)
        movups %xmm14, -32(%rdx,%rax)
        movups %xmm15, -16(%rdx,%rax)
        sub $64, %rax
        cmp $64, %rax
        ja 8b
        movups (%rcx), %xmm12
        movups 16(%rcx), %xmm13
        movups 32(%rcx), %xmm14
        movups 48(%rcx), %xmm15
        movups %xmm12, (%rdx)
        movups %xmm13, 16(%rdx)
        movups %xmm14, 32(%rdx)
        movups %xmm15, 48(%rdx)
9:      movups -24(%rsp), %xmm14
        movups -40(%rsp), %xmm13
        movups -56(%rsp), %xmm12
        jmp 1b
END_FUNC(zw_quick_memory_copy)

// rdi memory, rsi to, edx byte, rcx bytes
HIDDEN_FUNC(zw_quick_memory_fill)
        test %edi, %edi
        jnz zw_shim_memory_fill
        cmp $SHORT, %rcx
        jae zw_shim_memory_fill
        ROOM %rcx, zw_shim_memory_fill
        cmp %rax, %rsi
        ja zw_shim_memory_fill
        movd %edx, %xmm15
        punpcklbw %xmm15, %xmm15
        pshuflw $0, %xmm15, %xmm15
        punpcklqdq %xmm15, %xmm15
        add (%r15), %rsi
        cmp $16, %ecx
        jb 4f
        movups %xmm15, (%rsi)
        movups %xmm15, -16(%rsi,%rcx)
        cmp $32, %ecx
        ja 2f
1:      sub (%r15), %rsi
        ret
2:      movups %xmm15, 16(%rsi)
        movups %xmm15, -32(%rsi,%rcx)
        cmp $64, %ecx
        jbe 1b
        lea -32(%rcx), %eax             // what is left lies between 32 and rax
3:      movups %xmm15, -16(%rsi,%rax)
        movups %xmm15, -32(%rsi,%rax)
        sub $32, %eax
        cmp $32, %eax
        ja 3b
        jmp 1b
4:      cmp $8, %ecx
        jb 5f
        movq %xmm15, (%rsi)
        movq %xmm15, -8(%rsi,%rcx)
        jmp 1b
5:      movd %xmm15, %eax
        cmp $4, %ecx
        jb 6f
        mov %eax, (%rsi)
        mov %eax, -4(%rsi,%rcx)
        jmp 1b
6:      test %ecx, %ecx
        jz 1b
        mov %al, -1(%rsi,%rcx)
        cmp $1, %ecx
        je 1b
        mov %ax, (%rsi)
        jmp 1b
END_FUNC(zw_quick_memory_fill)

        .section .note.GNU-stack, "", @progbits
