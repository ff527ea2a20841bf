# Four vectors: which of 16 floats are below zmm15 = 0, as two bytes each.
.intel_syntax noprefix
loop:
    vmovups zmm0, [rdi]
    vcmpltps k1, zmm0, zmm15
    kmovw eax, k1
    mov [rsi], ax
    vmovups zmm1, [rdi+64]
    vcmpltps k2, zmm1, zmm15
    kmovw eax, k2
    mov [rsi+2], ax
    vmovups zmm2, [rdi+128]
    vcmpltps k3, zmm2, zmm15
    kmovw eax, k3
    mov [rsi+4], ax
    vmovups zmm3, [rdi+192]
    vcmpltps k4, zmm3, zmm15
    kmovw eax, k4
    mov [rsi+6], ax
    add rdi, 256
    sub rbp, 1
    jne loop
