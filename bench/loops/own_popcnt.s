# Two filters x two positions of 64-bit words; sums in r8-r11.
.intel_syntax noprefix
loop:
    mov rax, [rdi]
    mov rbx, [rsi]
    mov rcx, [rdx]
    mov r14, [r15]
    mov r12, rax
    xor r12, rcx
    popcnt r12, r12
    add r8, r12
    mov r13, rax
    xor r13, r14
    popcnt r13, r13
    add r9, r13
    mov r12, rbx
    xor r12, rcx
    popcnt r12, r12
    add r10, r12
    xor rbx, r14
    popcnt rbx, rbx
    add r11, rbx
    add rdi, 8
    sub rbp, 1
    jne loop
