# 6 filters x 16 positions x 16 +-1 weights: rows of four tables, by the bits of a word of each filter.
.intel_syntax noprefix
loop:
    mov rbx, rax
    and rbx, r9
    shl rbx, 6
    vaddps ymm0, ymm0, [rdi+rbx+0]
    vaddps ymm1, ymm1, [rdi+rbx+32]
    mov rbx, rcx
    and rbx, r9
    shl rbx, 6
    vaddps ymm2, ymm2, [rdi+rbx+0]
    vaddps ymm3, ymm3, [rdi+rbx+32]
    mov rbx, rdx
    and rbx, r9
    shl rbx, 6
    vaddps ymm4, ymm4, [rdi+rbx+0]
    vaddps ymm5, ymm5, [rdi+rbx+32]
    mov rbx, r8
    and rbx, r9
    shl rbx, 6
    vaddps ymm6, ymm6, [rdi+rbx+0]
    vaddps ymm7, ymm7, [rdi+rbx+32]
    mov rbx, r10
    and rbx, r9
    shl rbx, 6
    vaddps ymm8, ymm8, [rdi+rbx+0]
    vaddps ymm9, ymm9, [rdi+rbx+32]
    mov rbx, r11
    and rbx, r9
    shl rbx, 6
    vaddps ymm10, ymm10, [rdi+rbx+0]
    vaddps ymm11, ymm11, [rdi+rbx+32]
    mov rbx, rax
    and rbx, r9
    vaddps ymm0, ymm0, [rdi+rbx*4+1024]
    vaddps ymm1, ymm1, [rdi+rbx*4+1056]
    mov rbx, rcx
    and rbx, r9
    vaddps ymm2, ymm2, [rdi+rbx*4+1024]
    vaddps ymm3, ymm3, [rdi+rbx*4+1056]
    mov rbx, rdx
    and rbx, r9
    vaddps ymm4, ymm4, [rdi+rbx*4+1024]
    vaddps ymm5, ymm5, [rdi+rbx*4+1056]
    mov rbx, r8
    and rbx, r9
    vaddps ymm6, ymm6, [rdi+rbx*4+1024]
    vaddps ymm7, ymm7, [rdi+rbx*4+1056]
    mov rbx, r10
    and rbx, r9
    vaddps ymm8, ymm8, [rdi+rbx*4+1024]
    vaddps ymm9, ymm9, [rdi+rbx*4+1056]
    mov rbx, r11
    and rbx, r9
    vaddps ymm10, ymm10, [rdi+rbx*4+1024]
    vaddps ymm11, ymm11, [rdi+rbx*4+1056]
    mov rbx, rax
    shr rbx, 2
    and rbx, r9
    vaddps ymm0, ymm0, [rdi+rbx+2048]
    vaddps ymm1, ymm1, [rdi+rbx+2080]
    mov rbx, rcx
    shr rbx, 2
    and rbx, r9
    vaddps ymm2, ymm2, [rdi+rbx+2048]
    vaddps ymm3, ymm3, [rdi+rbx+2080]
    mov rbx, rdx
    shr rbx, 2
    and rbx, r9
    vaddps ymm4, ymm4, [rdi+rbx+2048]
    vaddps ymm5, ymm5, [rdi+rbx+2080]
    mov rbx, r8
    shr rbx, 2
    and rbx, r9
    vaddps ymm6, ymm6, [rdi+rbx+2048]
    vaddps ymm7, ymm7, [rdi+rbx+2080]
    mov rbx, r10
    shr rbx, 2
    and rbx, r9
    vaddps ymm8, ymm8, [rdi+rbx+2048]
    vaddps ymm9, ymm9, [rdi+rbx+2080]
    mov rbx, r11
    shr rbx, 2
    and rbx, r9
    vaddps ymm10, ymm10, [rdi+rbx+2048]
    vaddps ymm11, ymm11, [rdi+rbx+2080]
    mov rbx, rax
    shr rbx, 6
    shr rax, 16
    and rbx, r9
    vaddps ymm0, ymm0, [rdi+rbx+3072]
    vaddps ymm1, ymm1, [rdi+rbx+3104]
    mov rbx, rcx
    shr rbx, 6
    shr rcx, 16
    and rbx, r9
    vaddps ymm2, ymm2, [rdi+rbx+3072]
    vaddps ymm3, ymm3, [rdi+rbx+3104]
    mov rbx, rdx
    shr rbx, 6
    shr rdx, 16
    and rbx, r9
    vaddps ymm4, ymm4, [rdi+rbx+3072]
    vaddps ymm5, ymm5, [rdi+rbx+3104]
    mov rbx, r8
    shr rbx, 6
    shr r8, 16
    and rbx, r9
    vaddps ymm6, ymm6, [rdi+rbx+3072]
    vaddps ymm7, ymm7, [rdi+rbx+3104]
    mov rbx, r10
    shr rbx, 6
    shr r10, 16
    and rbx, r9
    vaddps ymm8, ymm8, [rdi+rbx+3072]
    vaddps ymm9, ymm9, [rdi+rbx+3104]
    mov rbx, r11
    shr rbx, 6
    shr r11, 16
    and rbx, r9
    vaddps ymm10, ymm10, [rdi+rbx+3072]
    vaddps ymm11, ymm11, [rdi+rbx+3104]
    add rdi, 4096
    sub rbp, 1
    jne loop
