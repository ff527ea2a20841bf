# Two filters at two positions: four fused products and sums a channel, of eight channels.
.intel_syntax noprefix
loop:
    movss xmm0, [rdi+4*rcx+0]
    movss xmm1, [rbp+4*rcx+0]
    movss xmm2, [rsi+4*rcx+0]
    movss xmm3, [r8+4*rcx+0]
    vfmadd231ss xmm8, xmm0, xmm2
    vfmadd231ss xmm9, xmm1, xmm2
    vfmadd231ss xmm10, xmm0, xmm3
    vfmadd231ss xmm11, xmm1, xmm3
    movss xmm0, [rdi+4*rcx+4]
    movss xmm1, [rbp+4*rcx+4]
    movss xmm2, [rsi+4*rcx+4]
    movss xmm3, [r8+4*rcx+4]
    vfmadd231ss xmm8, xmm0, xmm2
    vfmadd231ss xmm9, xmm1, xmm2
    vfmadd231ss xmm10, xmm0, xmm3
    vfmadd231ss xmm11, xmm1, xmm3
    movss xmm0, [rdi+4*rcx+8]
    movss xmm1, [rbp+4*rcx+8]
    movss xmm2, [rsi+4*rcx+8]
    movss xmm3, [r8+4*rcx+8]
    vfmadd231ss xmm8, xmm0, xmm2
    vfmadd231ss xmm9, xmm1, xmm2
    vfmadd231ss xmm10, xmm0, xmm3
    vfmadd231ss xmm11, xmm1, xmm3
    movss xmm0, [rdi+4*rcx+12]
    movss xmm1, [rbp+4*rcx+12]
    movss xmm2, [rsi+4*rcx+12]
    movss xmm3, [r8+4*rcx+12]
    vfmadd231ss xmm8, xmm0, xmm2
    vfmadd231ss xmm9, xmm1, xmm2
    vfmadd231ss xmm10, xmm0, xmm3
    vfmadd231ss xmm11, xmm1, xmm3
    movss xmm0, [rdi+4*rcx+16]
    movss xmm1, [rbp+4*rcx+16]
    movss xmm2, [rsi+4*rcx+16]
    movss xmm3, [r8+4*rcx+16]
    vfmadd231ss xmm8, xmm0, xmm2
    vfmadd231ss xmm9, xmm1, xmm2
    vfmadd231ss xmm10, xmm0, xmm3
    vfmadd231ss xmm11, xmm1, xmm3
    movss xmm0, [rdi+4*rcx+20]
    movss xmm1, [rbp+4*rcx+20]
    movss xmm2, [rsi+4*rcx+20]
    movss xmm3, [r8+4*rcx+20]
    vfmadd231ss xmm8, xmm0, xmm2
    vfmadd231ss xmm9, xmm1, xmm2
    vfmadd231ss xmm10, xmm0, xmm3
    vfmadd231ss xmm11, xmm1, xmm3
    movss xmm0, [rdi+4*rcx+24]
    movss xmm1, [rbp+4*rcx+24]
    movss xmm2, [rsi+4*rcx+24]
    movss xmm3, [r8+4*rcx+24]
    vfmadd231ss xmm8, xmm0, xmm2
    vfmadd231ss xmm9, xmm1, xmm2
    vfmadd231ss xmm10, xmm0, xmm3
    vfmadd231ss xmm11, xmm1, xmm3
    movss xmm0, [rdi+4*rcx+28]
    movss xmm1, [rbp+4*rcx+28]
    movss xmm2, [rsi+4*rcx+28]
    movss xmm3, [r8+4*rcx+28]
    vfmadd231ss xmm8, xmm0, xmm2
    vfmadd231ss xmm9, xmm1, xmm2
    vfmadd231ss xmm10, xmm0, xmm3
    vfmadd231ss xmm11, xmm1, xmm3
    add rcx, 8
    jne loop
