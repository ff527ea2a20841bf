# 12 filters x 16 positions x 2 products: sums from zmm4 on.
.intel_syntax noprefix
loop:
    vmovups zmm0, [rdi+0]
    vbroadcastss zmm1, [rsi+0]
    vfmadd231ps zmm4, zmm1, zmm0
    vbroadcastss zmm2, [rsi+4]
    vfmadd231ps zmm5, zmm2, zmm0
    vbroadcastss zmm1, [rsi+8]
    vfmadd231ps zmm6, zmm1, zmm0
    vbroadcastss zmm2, [rsi+12]
    vfmadd231ps zmm7, zmm2, zmm0
    vbroadcastss zmm1, [rsi+16]
    vfmadd231ps zmm8, zmm1, zmm0
    vbroadcastss zmm2, [rsi+20]
    vfmadd231ps zmm9, zmm2, zmm0
    vbroadcastss zmm1, [rsi+24]
    vfmadd231ps zmm10, zmm1, zmm0
    vbroadcastss zmm2, [rsi+28]
    vfmadd231ps zmm11, zmm2, zmm0
    vbroadcastss zmm1, [rsi+32]
    vfmadd231ps zmm12, zmm1, zmm0
    vbroadcastss zmm2, [rsi+36]
    vfmadd231ps zmm13, zmm2, zmm0
    vbroadcastss zmm1, [rsi+40]
    vfmadd231ps zmm14, zmm1, zmm0
    vbroadcastss zmm2, [rsi+44]
    vfmadd231ps zmm15, zmm2, zmm0
    vmovups zmm0, [rdi+64]
    vbroadcastss zmm1, [rsi+48]
    vfmadd231ps zmm4, zmm1, zmm0
    vbroadcastss zmm2, [rsi+52]
    vfmadd231ps zmm5, zmm2, zmm0
    vbroadcastss zmm1, [rsi+56]
    vfmadd231ps zmm6, zmm1, zmm0
    vbroadcastss zmm2, [rsi+60]
    vfmadd231ps zmm7, zmm2, zmm0
    vbroadcastss zmm1, [rsi+64]
    vfmadd231ps zmm8, zmm1, zmm0
    vbroadcastss zmm2, [rsi+68]
    vfmadd231ps zmm9, zmm2, zmm0
    vbroadcastss zmm1, [rsi+72]
    vfmadd231ps zmm10, zmm1, zmm0
    vbroadcastss zmm2, [rsi+76]
    vfmadd231ps zmm11, zmm2, zmm0
    vbroadcastss zmm1, [rsi+80]
    vfmadd231ps zmm12, zmm1, zmm0
    vbroadcastss zmm2, [rsi+84]
    vfmadd231ps zmm13, zmm2, zmm0
    vbroadcastss zmm1, [rsi+88]
    vfmadd231ps zmm14, zmm1, zmm0
    vbroadcastss zmm2, [rsi+92]
    vfmadd231ps zmm15, zmm2, zmm0
    add rdi, 128
    add rsi, 96
    sub rbp, 2
    jne loop
