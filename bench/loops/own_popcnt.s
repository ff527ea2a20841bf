# 2 filters (r8, r9) x 2 positions (r10, r11) x 64 bits; sums in rax, rbx, rcx, rdx.
.intel_syntax noprefix
loop:
    mov r8, [rdi]
    mov r9, [rdi+8]
    mov r10, [rsi]
    mov r11, [rsi+8]
    mov r12, r8
    xor r12, r10
    popcnt r12, r12
    add rax, r12
    mov r12, r8
    xor r12, r11
    popcnt r12, r12
    add rbx, r12
    mov r12, r9
    xor r12, r10
    popcnt r12, r12
    add rcx, r12
    mov r12, r9
    xor r12, r11
    popcnt r12, r12
    add rdx, r12
    add rdi, 16
    sub rbp, 1
    jne loop
