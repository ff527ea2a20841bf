# Four vectors of a residual addition.
.intel_syntax noprefix
loop:
    vmovups zmm0, [rdi]
    vmovups zmm1, [rsi]
    vaddps zmm0, zmm0, zmm1
    vmovups [rdx], zmm0
    vmovups zmm2, [rdi+64]
    vmovups zmm3, [rsi+64]
    vaddps zmm2, zmm2, zmm3
    vmovups [rdx+64], zmm2
    vmovups zmm4, [rdi+128]
    vmovups zmm5, [rsi+128]
    vaddps zmm4, zmm4, zmm5
    vmovups [rdx+128], zmm4
    vmovups zmm6, [rdi+192]
    vmovups zmm7, [rsi+192]
    vaddps zmm6, zmm6, zmm7
    vmovups [rdx+192], zmm6
    add rdi, 256
    sub rbp, 1
    jne loop
