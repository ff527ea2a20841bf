# Four steps: two vectors of filters (zmm0, zmm1) x 12 broadcast positions x 4 products;
# sums in zmm4-zmm27.
.intel_syntax noprefix
loop:
    vmovdqu64 zmm0, [rdi]
    vmovdqu64 zmm1, [rdi+64]
    vpbroadcastd zmm2, [rsi]
    vpdpbusd zmm4, zmm2, zmm0
    vpdpbusd zmm5, zmm2, zmm1
    vpbroadcastd zmm3, [rsi+4]
    vpdpbusd zmm6, zmm3, zmm0
    vpdpbusd zmm7, zmm3, zmm1
    vpbroadcastd zmm2, [rsi+8]
    vpdpbusd zmm8, zmm2, zmm0
    vpdpbusd zmm9, zmm2, zmm1
    vpbroadcastd zmm3, [rsi+12]
    vpdpbusd zmm10, zmm3, zmm0
    vpdpbusd zmm11, zmm3, zmm1
    vpbroadcastd zmm2, [rsi+16]
    vpdpbusd zmm12, zmm2, zmm0
    vpdpbusd zmm13, zmm2, zmm1
    vpbroadcastd zmm3, [rsi+20]
    vpdpbusd zmm14, zmm3, zmm0
    vpdpbusd zmm15, zmm3, zmm1
    vpbroadcastd zmm2, [rsi+24]
    vpdpbusd zmm16, zmm2, zmm0
    vpdpbusd zmm17, zmm2, zmm1
    vpbroadcastd zmm3, [rsi+28]
    vpdpbusd zmm18, zmm3, zmm0
    vpdpbusd zmm19, zmm3, zmm1
    vpbroadcastd zmm2, [rsi+32]
    vpdpbusd zmm20, zmm2, zmm0
    vpdpbusd zmm21, zmm2, zmm1
    vpbroadcastd zmm3, [rsi+36]
    vpdpbusd zmm22, zmm3, zmm0
    vpdpbusd zmm23, zmm3, zmm1
    vpbroadcastd zmm2, [rsi+40]
    vpdpbusd zmm24, zmm2, zmm0
    vpdpbusd zmm25, zmm2, zmm1
    vpbroadcastd zmm3, [rsi+44]
    vpdpbusd zmm26, zmm3, zmm0
    vpdpbusd zmm27, zmm3, zmm1
    vmovdqu64 zmm0, [rdi+128]
    vmovdqu64 zmm1, [rdi+192]
    vpbroadcastd zmm2, [rsi+48]
    vpdpbusd zmm4, zmm2, zmm0
    vpdpbusd zmm5, zmm2, zmm1
    vpbroadcastd zmm3, [rsi+52]
    vpdpbusd zmm6, zmm3, zmm0
    vpdpbusd zmm7, zmm3, zmm1
    vpbroadcastd zmm2, [rsi+56]
    vpdpbusd zmm8, zmm2, zmm0
    vpdpbusd zmm9, zmm2, zmm1
    vpbroadcastd zmm3, [rsi+60]
    vpdpbusd zmm10, zmm3, zmm0
    vpdpbusd zmm11, zmm3, zmm1
    vpbroadcastd zmm2, [rsi+64]
    vpdpbusd zmm12, zmm2, zmm0
    vpdpbusd zmm13, zmm2, zmm1
    vpbroadcastd zmm3, [rsi+68]
    vpdpbusd zmm14, zmm3, zmm0
    vpdpbusd zmm15, zmm3, zmm1
    vpbroadcastd zmm2, [rsi+72]
    vpdpbusd zmm16, zmm2, zmm0
    vpdpbusd zmm17, zmm2, zmm1
    vpbroadcastd zmm3, [rsi+76]
    vpdpbusd zmm18, zmm3, zmm0
    vpdpbusd zmm19, zmm3, zmm1
    vpbroadcastd zmm2, [rsi+80]
    vpdpbusd zmm20, zmm2, zmm0
    vpdpbusd zmm21, zmm2, zmm1
    vpbroadcastd zmm3, [rsi+84]
    vpdpbusd zmm22, zmm3, zmm0
    vpdpbusd zmm23, zmm3, zmm1
    vpbroadcastd zmm2, [rsi+88]
    vpdpbusd zmm24, zmm2, zmm0
    vpdpbusd zmm25, zmm2, zmm1
    vpbroadcastd zmm3, [rsi+92]
    vpdpbusd zmm26, zmm3, zmm0
    vpdpbusd zmm27, zmm3, zmm1
    vmovdqu64 zmm0, [rdi+256]
    vmovdqu64 zmm1, [rdi+320]
    vpbroadcastd zmm2, [rsi+96]
    vpdpbusd zmm4, zmm2, zmm0
    vpdpbusd zmm5, zmm2, zmm1
    vpbroadcastd zmm3, [rsi+100]
    vpdpbusd zmm6, zmm3, zmm0
    vpdpbusd zmm7, zmm3, zmm1
    vpbroadcastd zmm2, [rsi+104]
    vpdpbusd zmm8, zmm2, zmm0
    vpdpbusd zmm9, zmm2, zmm1
    vpbroadcastd zmm3, [rsi+108]
    vpdpbusd zmm10, zmm3, zmm0
    vpdpbusd zmm11, zmm3, zmm1
    vpbroadcastd zmm2, [rsi+112]
    vpdpbusd zmm12, zmm2, zmm0
    vpdpbusd zmm13, zmm2, zmm1
    vpbroadcastd zmm3, [rsi+116]
    vpdpbusd zmm14, zmm3, zmm0
    vpdpbusd zmm15, zmm3, zmm1
    vpbroadcastd zmm2, [rsi+120]
    vpdpbusd zmm16, zmm2, zmm0
    vpdpbusd zmm17, zmm2, zmm1
    vpbroadcastd zmm3, [rsi+124]
    vpdpbusd zmm18, zmm3, zmm0
    vpdpbusd zmm19, zmm3, zmm1
    vpbroadcastd zmm2, [rsi+128]
    vpdpbusd zmm20, zmm2, zmm0
    vpdpbusd zmm21, zmm2, zmm1
    vpbroadcastd zmm3, [rsi+132]
    vpdpbusd zmm22, zmm3, zmm0
    vpdpbusd zmm23, zmm3, zmm1
    vpbroadcastd zmm2, [rsi+136]
    vpdpbusd zmm24, zmm2, zmm0
    vpdpbusd zmm25, zmm2, zmm1
    vpbroadcastd zmm3, [rsi+140]
    vpdpbusd zmm26, zmm3, zmm0
    vpdpbusd zmm27, zmm3, zmm1
    vmovdqu64 zmm0, [rdi+384]
    vmovdqu64 zmm1, [rdi+448]
    vpbroadcastd zmm2, [rsi+144]
    vpdpbusd zmm4, zmm2, zmm0
    vpdpbusd zmm5, zmm2, zmm1
    vpbroadcastd zmm3, [rsi+148]
    vpdpbusd zmm6, zmm3, zmm0
    vpdpbusd zmm7, zmm3, zmm1
    vpbroadcastd zmm2, [rsi+152]
    vpdpbusd zmm8, zmm2, zmm0
    vpdpbusd zmm9, zmm2, zmm1
    vpbroadcastd zmm3, [rsi+156]
    vpdpbusd zmm10, zmm3, zmm0
    vpdpbusd zmm11, zmm3, zmm1
    vpbroadcastd zmm2, [rsi+160]
    vpdpbusd zmm12, zmm2, zmm0
    vpdpbusd zmm13, zmm2, zmm1
    vpbroadcastd zmm3, [rsi+164]
    vpdpbusd zmm14, zmm3, zmm0
    vpdpbusd zmm15, zmm3, zmm1
    vpbroadcastd zmm2, [rsi+168]
    vpdpbusd zmm16, zmm2, zmm0
    vpdpbusd zmm17, zmm2, zmm1
    vpbroadcastd zmm3, [rsi+172]
    vpdpbusd zmm18, zmm3, zmm0
    vpdpbusd zmm19, zmm3, zmm1
    vpbroadcastd zmm2, [rsi+176]
    vpdpbusd zmm20, zmm2, zmm0
    vpdpbusd zmm21, zmm2, zmm1
    vpbroadcastd zmm3, [rsi+180]
    vpdpbusd zmm22, zmm3, zmm0
    vpdpbusd zmm23, zmm3, zmm1
    vpbroadcastd zmm2, [rsi+184]
    vpdpbusd zmm24, zmm2, zmm0
    vpdpbusd zmm25, zmm2, zmm1
    vpbroadcastd zmm3, [rsi+188]
    vpdpbusd zmm26, zmm3, zmm0
    vpdpbusd zmm27, zmm3, zmm1
    add rdi, 512
    sub rbp, 1
    jne loop
