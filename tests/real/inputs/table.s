	.file	"table.c"
__SP_H__ = 0x3e
__SP_L__ = 0x3d
__SREG__ = 0x3f
__tmp_reg__ = 0
__zero_reg__ = 1
	.text
.global	find
	.type	find, @function
find:
	push r28
	push r29
/* prologue: function */
/* frame size = 0 */
/* stack size = 2 */
.L__stack_usage = 2
	movw r28,r24
	ldi r24,lo8(55)
	ldi r25,lo8(-98)
	mul r28,r24
	movw r20,r0
	mul r28,r25
	add r21,r0
	mul r29,r24
	add r21,r0
	clr r1
	mov r20,r21
	lsr r20
	lsr r20
	lsr r20
	ldi r21,0
	movw r26,r20
	adiw r26,32
.L6:
	mov r30,r20
	andi r30,lo8(31)
	ldi r31,0
	movw r18,r30
	lsl r18
	rol r19
	lsl r18
	rol r19
	lsl r18
	rol r19
	sub r18,r30
	sbc r19,r31
	movw r30,r18
	subi r30,lo8(-(entries))
	sbci r31,hi8(-(entries))
	subi r18,lo8(-(entries+2))
	sbci r19,hi8(-(entries+2))
	ldd r25,Z+2
	cpse r25,__zero_reg__
	rjmp .L10
	cp r22, __zero_reg__
	breq .L7
	ldi r24,lo8(1)
	movw r26,r18
	st X,r24
	st Z,r28
	std Z+1,r29
.L1:
	movw r24,r30
/* epilogue start */
	pop r29
	pop r28
	ret
.L10:
	ld r24,Z
	ldd r25,Z+1
	cp r24,r28
	cpc r25,r29
	breq .L1
	subi r20,-1
	sbci r21,-1
	cp r20,r26
	cpc r21,r27
	brne .L6
.L7:
	ldi r30,0
	ldi r31,0
	movw r24,r30
/* epilogue start */
	pop r29
	pop r28
	ret
	.size	find, .-find
.global	lerp
	.type	lerp, @function
lerp:
	push r12
	push r13
	push r14
	push r15
	push r16
/* prologue: function */
/* frame size = 0 */
/* stack size = 5 */
.L__stack_usage = 5
	movw r12,r22
	movw r14,r24
	sub r18,r12
	sbc r19,r13
	sbc r20,r14
	sbc r21,r15
	mov r26,r16
	ldi r27,0
	call __muluhisi3
	mov r22,r23
	mov r23,r24
	mov r24,r25
	lsl r25
	sbc r25,r25
	add r22,r12
	adc r23,r13
	adc r24,r14
	adc r25,r15
/* epilogue start */
	pop r16
	pop r15
	pop r14
	pop r13
	pop r12
	ret
	.size	lerp, .-lerp
.global	length2
	.type	length2, @function
length2:
	push r14
	push r15
	push r16
	push r17
	push r28
	push r29
	in r28,__SP_L__
	in r29,__SP_H__
	sbiw r28,8
	in __tmp_reg__,__SREG__
	cli
	out __SP_H__,r29
	out __SREG__,__tmp_reg__
	out __SP_L__,r28
/* prologue: function */
/* frame size = 8 */
/* stack size = 14 */
.L__stack_usage = 14
	std Y+1,r18
	std Y+2,r19
	std Y+3,r20
	std Y+4,r21
	movw r18,r22
	movw r20,r24
	call __mulsf3
	std Y+5,r22
	std Y+6,r23
	std Y+7,r24
	std Y+8,r25
	ldd r18,Y+1
	ldd r19,Y+2
	ldd r20,Y+3
	ldd r21,Y+4
	movw r22,r18
	movw r24,r20
	call __mulsf3
	movw r18,r22
	movw r20,r24
	ldd r22,Y+5
	ldd r23,Y+6
	ldd r24,Y+7
	ldd r25,Y+8
	call __addsf3
	std Y+1,r22
	std Y+2,r23
	std Y+3,r24
	std Y+4,r25
	movw r18,r14
	movw r20,r16
	movw r22,r14
	movw r24,r16
	call __mulsf3
	movw r18,r22
	movw r20,r24
	ldd r22,Y+1
	ldd r23,Y+2
	ldd r24,Y+3
	ldd r25,Y+4
	call __addsf3
/* epilogue start */
	adiw r28,8
	in __tmp_reg__,__SREG__
	cli
	out __SP_H__,r29
	out __SREG__,__tmp_reg__
	out __SP_L__,r28
	pop r29
	pop r28
	pop r17
	pop r16
	pop r15
	pop r14
	ret
	.size	length2, .-length2
.global	step
	.type	step, @function
step:
/* prologue: function */
/* frame size = 0 */
/* stack size = 0 */
.L__stack_usage = 0
	cpi r22,lo8(10)
	brlo .L25
.L14:
	ldi r22,lo8(10)
	ldi r23,0
	call __divmodhi4
/* epilogue start */
	ret
.L25:
	mov r30,r22
	ldi r31,0
	subi r30,lo8(-(gs(.L16)))
	sbci r31,hi8(-(gs(.L16)))
	jmp __tablejump2__
	.section	.jumptables.gcc.step,"a",@progbits
	.p2align	1
	.type	.L16, @object
.L16:
	.word gs(.L22)
	.word gs(.L21)
	.word gs(.L20)
	.word gs(.L19)
	.word gs(.L18)
	.word gs(.L14)
	.word gs(.L14)
	.word gs(.L17)
	.word gs(.L14)
	.word gs(.L15)
	.text
.L15:
	ldi r22,lo8(1)
	call find
	ldi r18,lo8(1)
	or r24,r25
	breq .L26
.L24:
	mov r24,r18
	ldi r25,0
	ret
.L22:
	adiw r24,1
	ret
.L21:
	movw r18,r24
	lsl r18
	rol r19
	add r24,r18
	adc r25,r19
	ret
.L20:
	ldi r22,lo8(7)
	ldi r23,0
	call __divmodhi4
	movw r24,r22
	ret
.L19:
	neg r25
	neg r24
	sbc r25,__zero_reg__
	ret
.L18:
	lsl r24
	rol r25
	lsl r24
	rol r25
	ret
.L17:
	ldi r18,lo8(85)
	eor r24,r18
	ret
.L26:
	ldi r18,0
	rjmp .L24
	.size	step, .-step
.global	sort
	.type	sort, @function
sort:
	push r6
	push r7
	push r8
	push r9
	push r10
	push r11
	push r12
	push r13
	push r14
	push r15
	push r16
	push r17
	push r28
	push r29
/* prologue: function */
/* frame size = 0 */
/* stack size = 14 */
.L__stack_usage = 14
	movw r8,r24
	movw r10,r22
	cpi r22,2
	cpc r23,__zero_reg__
	brlt .L27
	movw r20,r22
	asr r21
	ror r20
.L29:
	cp r20,r10
	cpc r21,r11
	brlt .+2
	rjmp .L42
	movw r22,r20
	lsl r22
	rol r23
	movw r14,r8
	add r14,r22
	adc r15,r23
	movw r12,r20
.L33:
	movw r28,r14
	ld r16,Y
	ldd r17,Y+1
	cp r12,r20
	cpc r13,r21
	brlt .L30
	movw r30,r14
	sub r30,r22
	sbc r31,r23
	movw r26,r14
	movw r18,r12
	rjmp .L31
.L32:
	sub r18,r20
	sbc r19,r21
	st X+,r24
	st X+,r25
	movw r26,r28
	sub r26,r22
	sbc r27,r23
	sub r30,r22
	sbc r31,r23
	cp r18,r20
	cpc r19,r21
	brlt .L37
.L31:
	movw r6,r30
	ld r24,Z
	ldd r25,Z+1
	movw r28,r26
	cp r16,r24
	cpc r17,r25
	brlt .L32
.L30:
	st Y,r16
	std Y+1,r17
	ldi r30,-1
	sub r12,r30
	sbc r13,r30
	ldi r31,2
	add r14,r31
	adc r15,__zero_reg__
	cp r10,r12
	cpc r11,r13
	brne .L33
	asr r21
	ror r20
	cp r20,__zero_reg__
	cpc r21,__zero_reg__
	brne .L29
.L27:
/* epilogue start */
	pop r29
	pop r28
	pop r17
	pop r16
	pop r15
	pop r14
	pop r13
	pop r12
	pop r11
	pop r10
	pop r9
	pop r8
	pop r7
	pop r6
	ret
.L37:
	movw r28,r6
	rjmp .L30
.L42:
	asr r21
	ror r20
	rjmp .L29
	.size	sort, .-sort
	.section	.text.startup,"ax",@progbits
.global	main
	.type	main, @function
main:
	in r28,__SP_L__
	in r29,__SP_H__
	sbiw r28,46
	in __tmp_reg__,__SREG__
	cli
	out __SP_H__,r29
	out __SREG__,__tmp_reg__
	out __SP_L__,r28
/* prologue: function */
/* frame size = 46 */
/* stack size = 46 */
.L__stack_usage = 46
	movw r24,r28
	adiw r24,1
	std Y+41,r24
	std Y+42,r25
	mov r14,__zero_reg__
	mov r15,__zero_reg__
	movw r12,r14
	ldi r17,0
	movw r2,r12
	inc r2
	movw r10,r12
	ldi r20,lo8(-24)
	mov r8,r20
	ldi r20,lo8(3)
	mov r9,r20
.L44:
	lds r22,port
	andi r22,lo8(15)
	movw r24,r2
	call step
	movw r2,r24
	movw r4,r24
	mov r6,r3
	lsl r6
	sbc r6,r6
	mov r7,r6
	movw r22,r24
	movw r24,r6
	call __floatsisf
	std Y+33,r22
	std Y+34,r23
	std Y+35,r24
	std Y+36,r25
	mov r22,r12
	ldi r23,0
	ldi r24,0
	ldi r25,0
	call __floatunsisf
	std Y+37,r22
	std Y+38,r23
	std Y+39,r24
	std Y+40,r25
	movw r24,r8
	movw r26,r10
	sub r24,r12
	sbc r25,r13
	mov r18,r17
	ldi r19,0
	movw r26,r24
	call __usmulhisi3
	mov r22,r23
	mov r23,r24
	mov r24,r25
	lsl r25
	sbc r25,r25
	add r22,r12
	adc r23,r13
	adc r24,r14
	adc r25,r15
	add r22,r4
	adc r23,r5
	adc r24,r6
	adc r25,r7
	call __floatsisf
	std Y+43,r22
	std Y+44,r23
	std Y+45,r24
	std Y+46,r25
	ldd r18,Y+33
	ldd r19,Y+34
	ldd r20,Y+35
	ldd r21,Y+36
	movw r22,r18
	movw r24,r20
	call __mulsf3
	movw r4,r22
	movw r6,r24
	ldd r18,Y+37
	ldd r19,Y+38
	ldd r20,Y+39
	ldd r21,Y+40
	movw r22,r18
	movw r24,r20
	call __mulsf3
	movw r18,r22
	movw r20,r24
	movw r22,r4
	movw r24,r6
	call __addsf3
	ldi r18,0
	ldi r19,0
	ldi r20,lo8(-128)
	ldi r21,lo8(64)
	call __addsf3
	movw r18,r22
	movw r20,r24
	ldd r22,Y+43
	ldd r23,Y+44
	ldd r24,Y+45
	ldd r25,Y+46
	call __addsf3
	call __fixsfsi
	movw r24,r22
	ldd r30,Y+41
	ldd r31,Y+42
	st Z+,r22
	st Z+,r25
	std Y+41,r30
	std Y+42,r31
	ldi r22,lo8(1)
	call find
	mov r18,r12
	andi r18,lo8(3)
	movw r30,r24
	add r30,r18
	adc r31,__zero_reg__
	ldd r24,Z+3
	subi r24,lo8(-(1))
	std Z+3,r24
	subi r17,lo8(-(16))
	ldi r31,-1
	sub r12,r31
	sbc r13,r31
	sbc r14,r31
	sbc r15,r31
	ldi r24,16
	cp r12,r24
	cpc r13,__zero_reg__
	cpc r14,__zero_reg__
	cpc r15,__zero_reg__
	breq .+2
	rjmp .L44
	ldi r22,lo8(16)
	ldi r23,0
	movw r24,r28
	adiw r24,1
	call sort
	ldd r24,Y+17
	ldd r25,Y+18
/* epilogue start */
	adiw r28,46
	in __tmp_reg__,__SREG__
	cli
	out __SP_H__,r29
	out __SREG__,__tmp_reg__
	out __SP_L__,r28
	ret
	.size	main, .-main
.global	port
	.section .bss
	.type	port, @object
	.size	port, 1
port:
	.zero	1
	.local	entries
	.comm	entries,224,1
.global	__fixsfsi
.global	__floatunsisf
.global	__floatsisf
.global	__addsf3
.global	__mulsf3
.global __do_clear_bss
