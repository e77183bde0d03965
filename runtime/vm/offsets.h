// Offsets that entry_x64.S uses; vm_int.h pins each to the C declaration.
#pragma once
#define ACT_VMCTX 8
#define ACT_ENTRY_SP 16
#define ACT_EXIT_SP 24
#define ACT_EXIT_PC 32
#define ACT_HOST_MXCSR 60
#define ACT_STACK_LIMIT 64
#define ACT_SERIAL 72
#define ACT_EXIT_FRAME 80
#define ACT_PENDING 88
#define CTX_STACK_LIMIT 8
#define ACT_PLAIN 92
#define CTX_ACTIVATION 16
#define CTX_MEMORY0_DEF 344    /* of the first VmMemory, right behind the VmCtx */
#define MEMORY_BYTES 8         /* of a VmMemoryDef */
#define CTX_BUDGET 104         /* scratch[0] of an instance: bytes of stack that wasm may have */
#define FUNC_VMCTX 8
#define FUNC_ENTRY 24
#define THREAD_LOWEST 32
#define THREAD_FIRST 56
#define THREAD_FLOOR 64
#define THREAD_SPAN 72
#define RT_CALLS 8             /* of a zwasm_instance_t */
#define SERIAL_STEP 0x9e3779b97f4a7c15 /* odd: all numbers before one comes again; and none is small, as words in stale memory are */
#define HOST_FN 104            /* scratch[0] of a HostFunc */
#define HOST_ENV 112           /* scratch[1] */
#define MXCSR_WASM 0x1f80   /* round to nearest, all exceptions masked, no flushing */
#define MXCSR_MODE 0xffc0   /* without the sticky flags */
