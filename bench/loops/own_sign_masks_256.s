# Four vectors: which of 8 floats are below ymm15 = 0, as a byte each.
.intel_syntax noprefix
loop:
    vmovups ymm0, [rdi]
    vcmpltps ymm0, ymm0, ymm15
    vmovmskps eax, ymm0
    mov [rsi], al
    vmovups ymm1, [rdi+32]
    vcmpltps ymm1, ymm1, ymm15
    vmovmskps eax, ymm1
    mov [rsi+1], al
    vmovups ymm2, [rdi+64]
    vcmpltps ymm2, ymm2, ymm15
    vmovmskps eax, ymm2
    mov [rsi+2], al
    vmovups ymm3, [rdi+96]
    vcmpltps ymm3, ymm3, ymm15
    vmovmskps eax, ymm3
    mov [rsi+3], al
    add rdi, 128
    sub rbp, 1
    jne loop
