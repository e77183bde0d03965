// The first instruction of a program: the kernel's stack goes to C.
        .text
        .globl _start
        .type _start, @function
_start:
        .cfi_startproc
        .cfi_undefined %rip
        xor %ebp, %ebp
        mov %rsp, %rdi
        and $-16, %rsp
        call zw_start
        ud2
        .cfi_endproc
        .size _start, . - _start
        .section .note.GNU-stack, "", @progbits
