# 16 vectors, XORed, through 15 carry-save adders: ones, twos, fours, eights in ymm0-ymm3.
# Sixteens (ymm10) are counted by nibbles onto ymm9; ymm6: the table, ymm7: the mask, ymm12: 0.
.intel_syntax noprefix
loop:
    vmovdqu ymm10, [rdi]
    vmovdqu ymm13, [rsi]
    vpxor ymm10, ymm10, ymm13
    vmovdqu ymm11, [rdi+32]
    vmovdqu ymm13, [rsi+32]
    vpxor ymm11, ymm11, ymm13
    vpxor ymm15, ymm0, ymm10
    vpand ymm14, ymm0, ymm10
    vpand ymm13, ymm15, ymm11
    vpxor ymm0, ymm15, ymm11
    vpor ymm4, ymm14, ymm13
    vmovdqu ymm10, [rdi+64]
    vmovdqu ymm13, [rsi+64]
    vpxor ymm10, ymm10, ymm13
    vmovdqu ymm11, [rdi+96]
    vmovdqu ymm13, [rsi+96]
    vpxor ymm11, ymm11, ymm13
    vpxor ymm15, ymm0, ymm10
    vpand ymm14, ymm0, ymm10
    vpand ymm13, ymm15, ymm11
    vpxor ymm0, ymm15, ymm11
    vpor ymm10, ymm14, ymm13
    vpxor ymm15, ymm1, ymm4
    vpand ymm14, ymm1, ymm4
    vpand ymm13, ymm15, ymm10
    vpxor ymm1, ymm15, ymm10
    vpor ymm5, ymm14, ymm13
    vmovdqu ymm10, [rdi+128]
    vmovdqu ymm13, [rsi+128]
    vpxor ymm10, ymm10, ymm13
    vmovdqu ymm11, [rdi+160]
    vmovdqu ymm13, [rsi+160]
    vpxor ymm11, ymm11, ymm13
    vpxor ymm15, ymm0, ymm10
    vpand ymm14, ymm0, ymm10
    vpand ymm13, ymm15, ymm11
    vpxor ymm0, ymm15, ymm11
    vpor ymm4, ymm14, ymm13
    vmovdqu ymm10, [rdi+192]
    vmovdqu ymm13, [rsi+192]
    vpxor ymm10, ymm10, ymm13
    vmovdqu ymm11, [rdi+224]
    vmovdqu ymm13, [rsi+224]
    vpxor ymm11, ymm11, ymm13
    vpxor ymm15, ymm0, ymm10
    vpand ymm14, ymm0, ymm10
    vpand ymm13, ymm15, ymm11
    vpxor ymm0, ymm15, ymm11
    vpor ymm10, ymm14, ymm13
    vpxor ymm15, ymm1, ymm4
    vpand ymm14, ymm1, ymm4
    vpand ymm13, ymm15, ymm10
    vpxor ymm1, ymm15, ymm10
    vpor ymm10, ymm14, ymm13
    vpxor ymm15, ymm2, ymm5
    vpand ymm14, ymm2, ymm5
    vpand ymm13, ymm15, ymm10
    vpxor ymm2, ymm15, ymm10
    vpor ymm8, ymm14, ymm13
    vmovdqu ymm10, [rdi+256]
    vmovdqu ymm13, [rsi+256]
    vpxor ymm10, ymm10, ymm13
    vmovdqu ymm11, [rdi+288]
    vmovdqu ymm13, [rsi+288]
    vpxor ymm11, ymm11, ymm13
    vpxor ymm15, ymm0, ymm10
    vpand ymm14, ymm0, ymm10
    vpand ymm13, ymm15, ymm11
    vpxor ymm0, ymm15, ymm11
    vpor ymm4, ymm14, ymm13
    vmovdqu ymm10, [rdi+320]
    vmovdqu ymm13, [rsi+320]
    vpxor ymm10, ymm10, ymm13
    vmovdqu ymm11, [rdi+352]
    vmovdqu ymm13, [rsi+352]
    vpxor ymm11, ymm11, ymm13
    vpxor ymm15, ymm0, ymm10
    vpand ymm14, ymm0, ymm10
    vpand ymm13, ymm15, ymm11
    vpxor ymm0, ymm15, ymm11
    vpor ymm10, ymm14, ymm13
    vpxor ymm15, ymm1, ymm4
    vpand ymm14, ymm1, ymm4
    vpand ymm13, ymm15, ymm10
    vpxor ymm1, ymm15, ymm10
    vpor ymm5, ymm14, ymm13
    vmovdqu ymm10, [rdi+384]
    vmovdqu ymm13, [rsi+384]
    vpxor ymm10, ymm10, ymm13
    vmovdqu ymm11, [rdi+416]
    vmovdqu ymm13, [rsi+416]
    vpxor ymm11, ymm11, ymm13
    vpxor ymm15, ymm0, ymm10
    vpand ymm14, ymm0, ymm10
    vpand ymm13, ymm15, ymm11
    vpxor ymm0, ymm15, ymm11
    vpor ymm4, ymm14, ymm13
    vmovdqu ymm10, [rdi+448]
    vmovdqu ymm13, [rsi+448]
    vpxor ymm10, ymm10, ymm13
    vmovdqu ymm11, [rdi+480]
    vmovdqu ymm13, [rsi+480]
    vpxor ymm11, ymm11, ymm13
    vpxor ymm15, ymm0, ymm10
    vpand ymm14, ymm0, ymm10
    vpand ymm13, ymm15, ymm11
    vpxor ymm0, ymm15, ymm11
    vpor ymm10, ymm14, ymm13
    vpxor ymm15, ymm1, ymm4
    vpand ymm14, ymm1, ymm4
    vpand ymm13, ymm15, ymm10
    vpxor ymm1, ymm15, ymm10
    vpor ymm10, ymm14, ymm13
    vpxor ymm15, ymm2, ymm5
    vpand ymm14, ymm2, ymm5
    vpand ymm13, ymm15, ymm10
    vpxor ymm2, ymm15, ymm10
    vpor ymm10, ymm14, ymm13
    vpxor ymm15, ymm3, ymm8
    vpand ymm14, ymm3, ymm8
    vpand ymm13, ymm15, ymm10
    vpxor ymm3, ymm15, ymm10
    vpor ymm10, ymm14, ymm13
    vpsrlw ymm11, ymm10, 4
    vpand ymm10, ymm10, ymm7
    vpand ymm11, ymm11, ymm7
    vpshufb ymm10, ymm6, ymm10
    vpshufb ymm11, ymm6, ymm11
    vpaddb ymm10, ymm10, ymm11
    vpsadbw ymm10, ymm10, ymm12
    vpaddq ymm9, ymm9, ymm10
    add rdi, 512
    sub rbp, 1
    jne loop
