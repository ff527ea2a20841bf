# Four steps: two vectors of filters (zmm0, zmm1) x 12 broadcast positions; sums in zmm4-zmm27.
.intel_syntax noprefix
loop:
    vmovups zmm0, [rdi]
    vmovups zmm1, [rdi+64]
    vbroadcastss zmm2, [rsi]
    vfmadd231ps zmm4, zmm2, zmm0
    vfmadd231ps zmm5, zmm2, zmm1
    vbroadcastss zmm3, [rsi+4]
    vfmadd231ps zmm6, zmm3, zmm0
    vfmadd231ps zmm7, zmm3, zmm1
    vbroadcastss zmm2, [rsi+8]
    vfmadd231ps zmm8, zmm2, zmm0
    vfmadd231ps zmm9, zmm2, zmm1
    vbroadcastss zmm3, [rsi+12]
    vfmadd231ps zmm10, zmm3, zmm0
    vfmadd231ps zmm11, zmm3, zmm1
    vbroadcastss zmm2, [rsi+16]
    vfmadd231ps zmm12, zmm2, zmm0
    vfmadd231ps zmm13, zmm2, zmm1
    vbroadcastss zmm3, [rsi+20]
    vfmadd231ps zmm14, zmm3, zmm0
    vfmadd231ps zmm15, zmm3, zmm1
    vbroadcastss zmm2, [rsi+24]
    vfmadd231ps zmm16, zmm2, zmm0
    vfmadd231ps zmm17, zmm2, zmm1
    vbroadcastss zmm3, [rsi+28]
    vfmadd231ps zmm18, zmm3, zmm0
    vfmadd231ps zmm19, zmm3, zmm1
    vbroadcastss zmm2, [rsi+32]
    vfmadd231ps zmm20, zmm2, zmm0
    vfmadd231ps zmm21, zmm2, zmm1
    vbroadcastss zmm3, [rsi+36]
    vfmadd231ps zmm22, zmm3, zmm0
    vfmadd231ps zmm23, zmm3, zmm1
    vbroadcastss zmm2, [rsi+40]
    vfmadd231ps zmm24, zmm2, zmm0
    vfmadd231ps zmm25, zmm2, zmm1
    vbroadcastss zmm3, [rsi+44]
    vfmadd231ps zmm26, zmm3, zmm0
    vfmadd231ps zmm27, zmm3, zmm1
    vmovups zmm0, [rdi+128]
    vmovups zmm1, [rdi+192]
    vbroadcastss zmm2, [rsi+48]
    vfmadd231ps zmm4, zmm2, zmm0
    vfmadd231ps zmm5, zmm2, zmm1
    vbroadcastss zmm3, [rsi+52]
    vfmadd231ps zmm6, zmm3, zmm0
    vfmadd231ps zmm7, zmm3, zmm1
    vbroadcastss zmm2, [rsi+56]
    vfmadd231ps zmm8, zmm2, zmm0
    vfmadd231ps zmm9, zmm2, zmm1
    vbroadcastss zmm3, [rsi+60]
    vfmadd231ps zmm10, zmm3, zmm0
    vfmadd231ps zmm11, zmm3, zmm1
    vbroadcastss zmm2, [rsi+64]
    vfmadd231ps zmm12, zmm2, zmm0
    vfmadd231ps zmm13, zmm2, zmm1
    vbroadcastss zmm3, [rsi+68]
    vfmadd231ps zmm14, zmm3, zmm0
    vfmadd231ps zmm15, zmm3, zmm1
    vbroadcastss zmm2, [rsi+72]
    vfmadd231ps zmm16, zmm2, zmm0
    vfmadd231ps zmm17, zmm2, zmm1
    vbroadcastss zmm3, [rsi+76]
    vfmadd231ps zmm18, zmm3, zmm0
    vfmadd231ps zmm19, zmm3, zmm1
    vbroadcastss zmm2, [rsi+80]
    vfmadd231ps zmm20, zmm2, zmm0
    vfmadd231ps zmm21, zmm2, zmm1
    vbroadcastss zmm3, [rsi+84]
    vfmadd231ps zmm22, zmm3, zmm0
    vfmadd231ps zmm23, zmm3, zmm1
    vbroadcastss zmm2, [rsi+88]
    vfmadd231ps zmm24, zmm2, zmm0
    vfmadd231ps zmm25, zmm2, zmm1
    vbroadcastss zmm3, [rsi+92]
    vfmadd231ps zmm26, zmm3, zmm0
    vfmadd231ps zmm27, zmm3, zmm1
    vmovups zmm0, [rdi+256]
    vmovups zmm1, [rdi+320]
    vbroadcastss zmm2, [rsi+96]
    vfmadd231ps zmm4, zmm2, zmm0
    vfmadd231ps zmm5, zmm2, zmm1
    vbroadcastss zmm3, [rsi+100]
    vfmadd231ps zmm6, zmm3, zmm0
    vfmadd231ps zmm7, zmm3, zmm1
    vbroadcastss zmm2, [rsi+104]
    vfmadd231ps zmm8, zmm2, zmm0
    vfmadd231ps zmm9, zmm2, zmm1
    vbroadcastss zmm3, [rsi+108]
    vfmadd231ps zmm10, zmm3, zmm0
    vfmadd231ps zmm11, zmm3, zmm1
    vbroadcastss zmm2, [rsi+112]
    vfmadd231ps zmm12, zmm2, zmm0
    vfmadd231ps zmm13, zmm2, zmm1
    vbroadcastss zmm3, [rsi+116]
    vfmadd231ps zmm14, zmm3, zmm0
    vfmadd231ps zmm15, zmm3, zmm1
    vbroadcastss zmm2, [rsi+120]
    vfmadd231ps zmm16, zmm2, zmm0
    vfmadd231ps zmm17, zmm2, zmm1
    vbroadcastss zmm3, [rsi+124]
    vfmadd231ps zmm18, zmm3, zmm0
    vfmadd231ps zmm19, zmm3, zmm1
    vbroadcastss zmm2, [rsi+128]
    vfmadd231ps zmm20, zmm2, zmm0
    vfmadd231ps zmm21, zmm2, zmm1
    vbroadcastss zmm3, [rsi+132]
    vfmadd231ps zmm22, zmm3, zmm0
    vfmadd231ps zmm23, zmm3, zmm1
    vbroadcastss zmm2, [rsi+136]
    vfmadd231ps zmm24, zmm2, zmm0
    vfmadd231ps zmm25, zmm2, zmm1
    vbroadcastss zmm3, [rsi+140]
    vfmadd231ps zmm26, zmm3, zmm0
    vfmadd231ps zmm27, zmm3, zmm1
    vmovups zmm0, [rdi+384]
    vmovups zmm1, [rdi+448]
    vbroadcastss zmm2, [rsi+144]
    vfmadd231ps zmm4, zmm2, zmm0
    vfmadd231ps zmm5, zmm2, zmm1
    vbroadcastss zmm3, [rsi+148]
    vfmadd231ps zmm6, zmm3, zmm0
    vfmadd231ps zmm7, zmm3, zmm1
    vbroadcastss zmm2, [rsi+152]
    vfmadd231ps zmm8, zmm2, zmm0
    vfmadd231ps zmm9, zmm2, zmm1
    vbroadcastss zmm3, [rsi+156]
    vfmadd231ps zmm10, zmm3, zmm0
    vfmadd231ps zmm11, zmm3, zmm1
    vbroadcastss zmm2, [rsi+160]
    vfmadd231ps zmm12, zmm2, zmm0
    vfmadd231ps zmm13, zmm2, zmm1
    vbroadcastss zmm3, [rsi+164]
    vfmadd231ps zmm14, zmm3, zmm0
    vfmadd231ps zmm15, zmm3, zmm1
    vbroadcastss zmm2, [rsi+168]
    vfmadd231ps zmm16, zmm2, zmm0
    vfmadd231ps zmm17, zmm2, zmm1
    vbroadcastss zmm3, [rsi+172]
    vfmadd231ps zmm18, zmm3, zmm0
    vfmadd231ps zmm19, zmm3, zmm1
    vbroadcastss zmm2, [rsi+176]
    vfmadd231ps zmm20, zmm2, zmm0
    vfmadd231ps zmm21, zmm2, zmm1
    vbroadcastss zmm3, [rsi+180]
    vfmadd231ps zmm22, zmm3, zmm0
    vfmadd231ps zmm23, zmm3, zmm1
    vbroadcastss zmm2, [rsi+184]
    vfmadd231ps zmm24, zmm2, zmm0
    vfmadd231ps zmm25, zmm2, zmm1
    vbroadcastss zmm3, [rsi+188]
    vfmadd231ps zmm26, zmm3, zmm0
    vfmadd231ps zmm27, zmm3, zmm1
    add rdi, 512
    sub rbp, 1
    jne loop
