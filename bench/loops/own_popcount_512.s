# 6 positions x two vectors of filters (zmm0, zmm1) x 64 bits; sums in zmm16-zmm27.
.intel_syntax noprefix
loop:
    vmovdqu64 zmm0, [rdi]
    vmovdqu64 zmm1, [rdi+64]
    vpbroadcastq zmm2, [rsi+0]
    vpxorq zmm3, zmm2, zmm0
    vpopcntq zmm3, zmm3
    vpaddq zmm16, zmm16, zmm3
    vpxorq zmm4, zmm2, zmm1
    vpopcntq zmm4, zmm4
    vpaddq zmm17, zmm17, zmm4
    vpbroadcastq zmm2, [rsi+8]
    vpxorq zmm3, zmm2, zmm0
    vpopcntq zmm3, zmm3
    vpaddq zmm18, zmm18, zmm3
    vpxorq zmm4, zmm2, zmm1
    vpopcntq zmm4, zmm4
    vpaddq zmm19, zmm19, zmm4
    vpbroadcastq zmm2, [rsi+16]
    vpxorq zmm3, zmm2, zmm0
    vpopcntq zmm3, zmm3
    vpaddq zmm20, zmm20, zmm3
    vpxorq zmm4, zmm2, zmm1
    vpopcntq zmm4, zmm4
    vpaddq zmm21, zmm21, zmm4
    vpbroadcastq zmm2, [rsi+24]
    vpxorq zmm3, zmm2, zmm0
    vpopcntq zmm3, zmm3
    vpaddq zmm22, zmm22, zmm3
    vpxorq zmm4, zmm2, zmm1
    vpopcntq zmm4, zmm4
    vpaddq zmm23, zmm23, zmm4
    vpbroadcastq zmm2, [rsi+32]
    vpxorq zmm3, zmm2, zmm0
    vpopcntq zmm3, zmm3
    vpaddq zmm24, zmm24, zmm3
    vpxorq zmm4, zmm2, zmm1
    vpopcntq zmm4, zmm4
    vpaddq zmm25, zmm25, zmm4
    vpbroadcastq zmm2, [rsi+40]
    vpxorq zmm3, zmm2, zmm0
    vpopcntq zmm3, zmm3
    vpaddq zmm26, zmm26, zmm3
    vpxorq zmm4, zmm2, zmm1
    vpopcntq zmm4, zmm4
    vpaddq zmm27, zmm27, zmm4
    add rdi, 128
    add rsi, 8
    sub rbp, 1
    jne loop
