# 4 filters (ymm2) x 2 positions (ymm0, ymm1) x 256 bits; sums of bytes in ymm8-ymm15.
# ymm6: the counts of nibbles; ymm7: their mask.
.intel_syntax noprefix
loop:
    vmovdqu ymm0, [rdi]
    vmovdqu ymm1, [rdi+32]
    vmovdqu ymm2, [rsi]
    vpxor ymm3, ymm2, ymm0
    vpsrlw ymm4, ymm3, 4
    vpand ymm3, ymm3, ymm7
    vpand ymm4, ymm4, ymm7
    vpshufb ymm3, ymm6, ymm3
    vpshufb ymm4, ymm6, ymm4
    vpaddb ymm8, ymm8, ymm3
    vpaddb ymm8, ymm8, ymm4
    vpxor ymm3, ymm2, ymm1
    vpsrlw ymm4, ymm3, 4
    vpand ymm3, ymm3, ymm7
    vpand ymm4, ymm4, ymm7
    vpshufb ymm3, ymm6, ymm3
    vpshufb ymm4, ymm6, ymm4
    vpaddb ymm9, ymm9, ymm3
    vpaddb ymm9, ymm9, ymm4
    vmovdqu ymm2, [rsi+32]
    vpxor ymm3, ymm2, ymm0
    vpsrlw ymm4, ymm3, 4
    vpand ymm3, ymm3, ymm7
    vpand ymm4, ymm4, ymm7
    vpshufb ymm3, ymm6, ymm3
    vpshufb ymm4, ymm6, ymm4
    vpaddb ymm10, ymm10, ymm3
    vpaddb ymm10, ymm10, ymm4
    vpxor ymm3, ymm2, ymm1
    vpsrlw ymm4, ymm3, 4
    vpand ymm3, ymm3, ymm7
    vpand ymm4, ymm4, ymm7
    vpshufb ymm3, ymm6, ymm3
    vpshufb ymm4, ymm6, ymm4
    vpaddb ymm11, ymm11, ymm3
    vpaddb ymm11, ymm11, ymm4
    vmovdqu ymm2, [rsi+64]
    vpxor ymm3, ymm2, ymm0
    vpsrlw ymm4, ymm3, 4
    vpand ymm3, ymm3, ymm7
    vpand ymm4, ymm4, ymm7
    vpshufb ymm3, ymm6, ymm3
    vpshufb ymm4, ymm6, ymm4
    vpaddb ymm12, ymm12, ymm3
    vpaddb ymm12, ymm12, ymm4
    vpxor ymm3, ymm2, ymm1
    vpsrlw ymm4, ymm3, 4
    vpand ymm3, ymm3, ymm7
    vpand ymm4, ymm4, ymm7
    vpshufb ymm3, ymm6, ymm3
    vpshufb ymm4, ymm6, ymm4
    vpaddb ymm13, ymm13, ymm3
    vpaddb ymm13, ymm13, ymm4
    vmovdqu ymm2, [rsi+96]
    vpxor ymm3, ymm2, ymm0
    vpsrlw ymm4, ymm3, 4
    vpand ymm3, ymm3, ymm7
    vpand ymm4, ymm4, ymm7
    vpshufb ymm3, ymm6, ymm3
    vpshufb ymm4, ymm6, ymm4
    vpaddb ymm14, ymm14, ymm3
    vpaddb ymm14, ymm14, ymm4
    vpxor ymm3, ymm2, ymm1
    vpsrlw ymm4, ymm3, 4
    vpand ymm3, ymm3, ymm7
    vpand ymm4, ymm4, ymm7
    vpshufb ymm3, ymm6, ymm3
    vpshufb ymm4, ymm6, ymm4
    vpaddb ymm15, ymm15, ymm3
    vpaddb ymm15, ymm15, ymm4
    add rsi, 128
    sub rbp, 1
    jne loop
