# 6 filters x 16 positions x 16 +-1 weights: rows of four tables, by the bits of a word of each filter.
.intel_syntax noprefix
loop:
    movzx eax, word ptr [rsi+0]
    movzx eax, word ptr [rsi+2]
    movzx eax, word ptr [rsi+4]
    movzx eax, word ptr [rsi+6]
    movzx eax, word ptr [rsi+8]
    movzx eax, word ptr [rsi+10]
    mov rbx, rax
    shl rbx, 6
    and rbx, r9
    vaddps ymm0, ymm0, [rdi+rbx+0]
    vaddps ymm1, ymm1, [rdi+rbx+32]
    mov rbx, rax
    shl rbx, 6
    and rbx, r9
    vaddps ymm2, ymm2, [rdi+rbx+0]
    vaddps ymm3, ymm3, [rdi+rbx+32]
    mov rbx, rax
    shl rbx, 6
    and rbx, r9
    vaddps ymm4, ymm4, [rdi+rbx+0]
    vaddps ymm5, ymm5, [rdi+rbx+32]
    mov rbx, rax
    shl rbx, 6
    and rbx, r9
    vaddps ymm6, ymm6, [rdi+rbx+0]
    vaddps ymm7, ymm7, [rdi+rbx+32]
    mov rbx, rax
    shl rbx, 6
    and rbx, r9
    vaddps ymm8, ymm8, [rdi+rbx+0]
    vaddps ymm9, ymm9, [rdi+rbx+32]
    mov rbx, rax
    shl rbx, 6
    and rbx, r9
    vaddps ymm10, ymm10, [rdi+rbx+0]
    vaddps ymm11, ymm11, [rdi+rbx+32]
    mov rbx, rax
    and rbx, r9
    vaddps ymm0, ymm0, [rdi+rbx+1024]
    vaddps ymm1, ymm1, [rdi+rbx+1056]
    mov rbx, rax
    and rbx, r9
    vaddps ymm2, ymm2, [rdi+rbx+1024]
    vaddps ymm3, ymm3, [rdi+rbx+1056]
    mov rbx, rax
    and rbx, r9
    vaddps ymm4, ymm4, [rdi+rbx+1024]
    vaddps ymm5, ymm5, [rdi+rbx+1056]
    mov rbx, rax
    and rbx, r9
    vaddps ymm6, ymm6, [rdi+rbx+1024]
    vaddps ymm7, ymm7, [rdi+rbx+1056]
    mov rbx, rax
    and rbx, r9
    vaddps ymm8, ymm8, [rdi+rbx+1024]
    vaddps ymm9, ymm9, [rdi+rbx+1056]
    mov rbx, rax
    and rbx, r9
    vaddps ymm10, ymm10, [rdi+rbx+1024]
    vaddps ymm11, ymm11, [rdi+rbx+1056]
    mov rbx, rax
    shr rbx, 6
    and rbx, r9
    vaddps ymm0, ymm0, [rdi+rbx+2048]
    vaddps ymm1, ymm1, [rdi+rbx+2080]
    mov rbx, rax
    shr rbx, 6
    and rbx, r9
    vaddps ymm2, ymm2, [rdi+rbx+2048]
    vaddps ymm3, ymm3, [rdi+rbx+2080]
    mov rbx, rax
    shr rbx, 6
    and rbx, r9
    vaddps ymm4, ymm4, [rdi+rbx+2048]
    vaddps ymm5, ymm5, [rdi+rbx+2080]
    mov rbx, rax
    shr rbx, 6
    and rbx, r9
    vaddps ymm6, ymm6, [rdi+rbx+2048]
    vaddps ymm7, ymm7, [rdi+rbx+2080]
    mov rbx, rax
    shr rbx, 6
    and rbx, r9
    vaddps ymm8, ymm8, [rdi+rbx+2048]
    vaddps ymm9, ymm9, [rdi+rbx+2080]
    mov rbx, rax
    shr rbx, 6
    and rbx, r9
    vaddps ymm10, ymm10, [rdi+rbx+2048]
    vaddps ymm11, ymm11, [rdi+rbx+2080]
    shr rbx, 6
    and rbx, r9
    vaddps ymm0, ymm0, [rdi+rbx+3072]
    vaddps ymm1, ymm1, [rdi+rbx+3104]
    shr rbx, 6
    and rbx, r9
    vaddps ymm2, ymm2, [rdi+rbx+3072]
    vaddps ymm3, ymm3, [rdi+rbx+3104]
    shr rbx, 6
    and rbx, r9
    vaddps ymm4, ymm4, [rdi+rbx+3072]
    vaddps ymm5, ymm5, [rdi+rbx+3104]
    shr rbx, 6
    and rbx, r9
    vaddps ymm6, ymm6, [rdi+rbx+3072]
    vaddps ymm7, ymm7, [rdi+rbx+3104]
    shr rbx, 6
    and rbx, r9
    vaddps ymm8, ymm8, [rdi+rbx+3072]
    vaddps ymm9, ymm9, [rdi+rbx+3104]
    shr rbx, 6
    and rbx, r9
    vaddps ymm10, ymm10, [rdi+rbx+3072]
    vaddps ymm11, ymm11, [rdi+rbx+3104]
    add rdi, 4096
    add rsi, 12
    sub rbp, 1
    jne loop
