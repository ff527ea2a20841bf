# 6 filters x 16 positions x 2 products: sums from ymm4 on.
.intel_syntax noprefix
loop:
    vmovups ymm0, [rdi+0]
    vmovups ymm1, [rdi+32]
    vbroadcastss ymm2, [rsi+0]
    vfmadd231ps ymm4, ymm2, ymm0
    vfmadd231ps ymm5, ymm2, ymm1
    vbroadcastss ymm2, [rsi+4]
    vfmadd231ps ymm6, ymm2, ymm0
    vfmadd231ps ymm7, ymm2, ymm1
    vbroadcastss ymm2, [rsi+8]
    vfmadd231ps ymm8, ymm2, ymm0
    vfmadd231ps ymm9, ymm2, ymm1
    vbroadcastss ymm2, [rsi+12]
    vfmadd231ps ymm10, ymm2, ymm0
    vfmadd231ps ymm11, ymm2, ymm1
    vbroadcastss ymm2, [rsi+16]
    vfmadd231ps ymm12, ymm2, ymm0
    vfmadd231ps ymm13, ymm2, ymm1
    vbroadcastss ymm2, [rsi+20]
    vfmadd231ps ymm14, ymm2, ymm0
    vfmadd231ps ymm15, ymm2, ymm1
    vmovups ymm0, [rdi+64]
    vmovups ymm1, [rdi+96]
    vbroadcastss ymm2, [rsi+24]
    vfmadd231ps ymm4, ymm2, ymm0
    vfmadd231ps ymm5, ymm2, ymm1
    vbroadcastss ymm2, [rsi+28]
    vfmadd231ps ymm6, ymm2, ymm0
    vfmadd231ps ymm7, ymm2, ymm1
    vbroadcastss ymm2, [rsi+32]
    vfmadd231ps ymm8, ymm2, ymm0
    vfmadd231ps ymm9, ymm2, ymm1
    vbroadcastss ymm2, [rsi+36]
    vfmadd231ps ymm10, ymm2, ymm0
    vfmadd231ps ymm11, ymm2, ymm1
    vbroadcastss ymm2, [rsi+40]
    vfmadd231ps ymm12, ymm2, ymm0
    vfmadd231ps ymm13, ymm2, ymm1
    vbroadcastss ymm2, [rsi+44]
    vfmadd231ps ymm14, ymm2, ymm0
    vfmadd231ps ymm15, ymm2, ymm1
    add rdi, 128
    add rsi, 48
    sub rbp, 2
    jne loop
