# Four vectors of a residual addition.
.intel_syntax noprefix
loop:
    vmovups ymm0, [rdi]
    vmovups ymm1, [rsi]
    vaddps ymm0, ymm0, ymm1
    vmovups [rdx], ymm0
    vmovups ymm2, [rdi+32]
    vmovups ymm3, [rsi+32]
    vaddps ymm2, ymm2, ymm3
    vmovups [rdx+32], ymm2
    vmovups ymm4, [rdi+64]
    vmovups ymm5, [rsi+64]
    vaddps ymm4, ymm4, ymm5
    vmovups [rdx+64], ymm4
    vmovups ymm6, [rdi+96]
    vmovups ymm7, [rsi+96]
    vaddps ymm6, ymm6, ymm7
    vmovups [rdx+96], ymm6
    add rdi, 128
    sub rbp, 1
    jne loop
