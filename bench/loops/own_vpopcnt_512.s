# 4 filters (zmm0-zmm3) x 4 positions (zmm4-zmm7) x 512 bits; sums in zmm16-zmm31.
.intel_syntax noprefix
loop:
    vmovdqu64 zmm0, [rdi]
    vmovdqu64 zmm1, [rdi+64]
    vmovdqu64 zmm2, [rdi+128]
    vmovdqu64 zmm3, [rdi+192]
    vmovdqu64 zmm4, [rsi]
    vmovdqu64 zmm5, [rsi+64]
    vmovdqu64 zmm6, [rsi+128]
    vmovdqu64 zmm7, [rsi+192]
    vpxorq zmm8, zmm0, zmm4
    vpxorq zmm9, zmm1, zmm4
    vpxorq zmm10, zmm2, zmm4
    vpxorq zmm11, zmm3, zmm4
    vpopcntq zmm8, zmm8
    vpopcntq zmm9, zmm9
    vpopcntq zmm10, zmm10
    vpopcntq zmm11, zmm11
    vpaddq zmm16, zmm16, zmm8
    vpaddq zmm17, zmm17, zmm9
    vpaddq zmm18, zmm18, zmm10
    vpaddq zmm19, zmm19, zmm11
    vpxorq zmm12, zmm0, zmm5
    vpxorq zmm13, zmm1, zmm5
    vpxorq zmm14, zmm2, zmm5
    vpxorq zmm15, zmm3, zmm5
    vpopcntq zmm12, zmm12
    vpopcntq zmm13, zmm13
    vpopcntq zmm14, zmm14
    vpopcntq zmm15, zmm15
    vpaddq zmm20, zmm20, zmm12
    vpaddq zmm21, zmm21, zmm13
    vpaddq zmm22, zmm22, zmm14
    vpaddq zmm23, zmm23, zmm15
    vpxorq zmm8, zmm0, zmm6
    vpxorq zmm9, zmm1, zmm6
    vpxorq zmm10, zmm2, zmm6
    vpxorq zmm11, zmm3, zmm6
    vpopcntq zmm8, zmm8
    vpopcntq zmm9, zmm9
    vpopcntq zmm10, zmm10
    vpopcntq zmm11, zmm11
    vpaddq zmm24, zmm24, zmm8
    vpaddq zmm25, zmm25, zmm9
    vpaddq zmm26, zmm26, zmm10
    vpaddq zmm27, zmm27, zmm11
    vpxorq zmm12, zmm0, zmm7
    vpxorq zmm13, zmm1, zmm7
    vpxorq zmm14, zmm2, zmm7
    vpxorq zmm15, zmm3, zmm7
    vpopcntq zmm12, zmm12
    vpopcntq zmm13, zmm13
    vpopcntq zmm14, zmm14
    vpopcntq zmm15, zmm15
    vpaddq zmm28, zmm28, zmm12
    vpaddq zmm29, zmm29, zmm13
    vpaddq zmm30, zmm30, zmm14
    vpaddq zmm31, zmm31, zmm15
    add rdi, 256
    sub rbp, 1
    jne loop
