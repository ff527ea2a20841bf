# Four steps: two vectors of filters (ymm0, ymm1) x 6 broadcast positions; sums in ymm4-ymm15.
.intel_syntax noprefix
loop:
    vmovups ymm0, [rdi]
    vmovups ymm1, [rdi+32]
    vbroadcastss ymm2, [rsi]
    vfmadd231ps ymm4, ymm2, ymm0
    vfmadd231ps ymm5, ymm2, ymm1
    vbroadcastss ymm3, [rsi+4]
    vfmadd231ps ymm6, ymm3, ymm0
    vfmadd231ps ymm7, ymm3, ymm1
    vbroadcastss ymm2, [rsi+8]
    vfmadd231ps ymm8, ymm2, ymm0
    vfmadd231ps ymm9, ymm2, ymm1
    vbroadcastss ymm3, [rsi+12]
    vfmadd231ps ymm10, ymm3, ymm0
    vfmadd231ps ymm11, ymm3, ymm1
    vbroadcastss ymm2, [rsi+16]
    vfmadd231ps ymm12, ymm2, ymm0
    vfmadd231ps ymm13, ymm2, ymm1
    vbroadcastss ymm3, [rsi+20]
    vfmadd231ps ymm14, ymm3, ymm0
    vfmadd231ps ymm15, ymm3, ymm1
    vmovups ymm0, [rdi+64]
    vmovups ymm1, [rdi+96]
    vbroadcastss ymm2, [rsi+24]
    vfmadd231ps ymm4, ymm2, ymm0
    vfmadd231ps ymm5, ymm2, ymm1
    vbroadcastss ymm3, [rsi+28]
    vfmadd231ps ymm6, ymm3, ymm0
    vfmadd231ps ymm7, ymm3, ymm1
    vbroadcastss ymm2, [rsi+32]
    vfmadd231ps ymm8, ymm2, ymm0
    vfmadd231ps ymm9, ymm2, ymm1
    vbroadcastss ymm3, [rsi+36]
    vfmadd231ps ymm10, ymm3, ymm0
    vfmadd231ps ymm11, ymm3, ymm1
    vbroadcastss ymm2, [rsi+40]
    vfmadd231ps ymm12, ymm2, ymm0
    vfmadd231ps ymm13, ymm2, ymm1
    vbroadcastss ymm3, [rsi+44]
    vfmadd231ps ymm14, ymm3, ymm0
    vfmadd231ps ymm15, ymm3, ymm1
    vmovups ymm0, [rdi+128]
    vmovups ymm1, [rdi+160]
    vbroadcastss ymm2, [rsi+48]
    vfmadd231ps ymm4, ymm2, ymm0
    vfmadd231ps ymm5, ymm2, ymm1
    vbroadcastss ymm3, [rsi+52]
    vfmadd231ps ymm6, ymm3, ymm0
    vfmadd231ps ymm7, ymm3, ymm1
    vbroadcastss ymm2, [rsi+56]
    vfmadd231ps ymm8, ymm2, ymm0
    vfmadd231ps ymm9, ymm2, ymm1
    vbroadcastss ymm3, [rsi+60]
    vfmadd231ps ymm10, ymm3, ymm0
    vfmadd231ps ymm11, ymm3, ymm1
    vbroadcastss ymm2, [rsi+64]
    vfmadd231ps ymm12, ymm2, ymm0
    vfmadd231ps ymm13, ymm2, ymm1
    vbroadcastss ymm3, [rsi+68]
    vfmadd231ps ymm14, ymm3, ymm0
    vfmadd231ps ymm15, ymm3, ymm1
    vmovups ymm0, [rdi+192]
    vmovups ymm1, [rdi+224]
    vbroadcastss ymm2, [rsi+72]
    vfmadd231ps ymm4, ymm2, ymm0
    vfmadd231ps ymm5, ymm2, ymm1
    vbroadcastss ymm3, [rsi+76]
    vfmadd231ps ymm6, ymm3, ymm0
    vfmadd231ps ymm7, ymm3, ymm1
    vbroadcastss ymm2, [rsi+80]
    vfmadd231ps ymm8, ymm2, ymm0
    vfmadd231ps ymm9, ymm2, ymm1
    vbroadcastss ymm3, [rsi+84]
    vfmadd231ps ymm10, ymm3, ymm0
    vfmadd231ps ymm11, ymm3, ymm1
    vbroadcastss ymm2, [rsi+88]
    vfmadd231ps ymm12, ymm2, ymm0
    vfmadd231ps ymm13, ymm2, ymm1
    vbroadcastss ymm3, [rsi+92]
    vfmadd231ps ymm14, ymm3, ymm0
    vfmadd231ps ymm15, ymm3, ymm1
    add rdi, 256
    sub rbp, 1
    jne loop
