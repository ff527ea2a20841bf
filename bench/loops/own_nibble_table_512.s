# 4 filters (zmm2) x 2 positions (zmm0, zmm1) x 512 bits; sums of bytes in zmm8-zmm15.
# zmm6: the counts of nibbles; zmm7: their mask.
.intel_syntax noprefix
loop:
    vmovdqu64 zmm0, [rdi]
    vmovdqu64 zmm1, [rdi+64]
    vmovdqu64 zmm2, [rsi]
    vpxorq zmm3, zmm2, zmm0
    vpsrlw zmm4, zmm3, 4
    vpandq zmm3, zmm3, zmm7
    vpandq zmm4, zmm4, zmm7
    vpshufb zmm3, zmm6, zmm3
    vpshufb zmm4, zmm6, zmm4
    vpaddb zmm8, zmm8, zmm3
    vpaddb zmm8, zmm8, zmm4
    vpxorq zmm3, zmm2, zmm1
    vpsrlw zmm4, zmm3, 4
    vpandq zmm3, zmm3, zmm7
    vpandq zmm4, zmm4, zmm7
    vpshufb zmm3, zmm6, zmm3
    vpshufb zmm4, zmm6, zmm4
    vpaddb zmm9, zmm9, zmm3
    vpaddb zmm9, zmm9, zmm4
    vmovdqu64 zmm2, [rsi+64]
    vpxorq zmm3, zmm2, zmm0
    vpsrlw zmm4, zmm3, 4
    vpandq zmm3, zmm3, zmm7
    vpandq zmm4, zmm4, zmm7
    vpshufb zmm3, zmm6, zmm3
    vpshufb zmm4, zmm6, zmm4
    vpaddb zmm10, zmm10, zmm3
    vpaddb zmm10, zmm10, zmm4
    vpxorq zmm3, zmm2, zmm1
    vpsrlw zmm4, zmm3, 4
    vpandq zmm3, zmm3, zmm7
    vpandq zmm4, zmm4, zmm7
    vpshufb zmm3, zmm6, zmm3
    vpshufb zmm4, zmm6, zmm4
    vpaddb zmm11, zmm11, zmm3
    vpaddb zmm11, zmm11, zmm4
    vmovdqu64 zmm2, [rsi+128]
    vpxorq zmm3, zmm2, zmm0
    vpsrlw zmm4, zmm3, 4
    vpandq zmm3, zmm3, zmm7
    vpandq zmm4, zmm4, zmm7
    vpshufb zmm3, zmm6, zmm3
    vpshufb zmm4, zmm6, zmm4
    vpaddb zmm12, zmm12, zmm3
    vpaddb zmm12, zmm12, zmm4
    vpxorq zmm3, zmm2, zmm1
    vpsrlw zmm4, zmm3, 4
    vpandq zmm3, zmm3, zmm7
    vpandq zmm4, zmm4, zmm7
    vpshufb zmm3, zmm6, zmm3
    vpshufb zmm4, zmm6, zmm4
    vpaddb zmm13, zmm13, zmm3
    vpaddb zmm13, zmm13, zmm4
    vmovdqu64 zmm2, [rsi+192]
    vpxorq zmm3, zmm2, zmm0
    vpsrlw zmm4, zmm3, 4
    vpandq zmm3, zmm3, zmm7
    vpandq zmm4, zmm4, zmm7
    vpshufb zmm3, zmm6, zmm3
    vpshufb zmm4, zmm6, zmm4
    vpaddb zmm14, zmm14, zmm3
    vpaddb zmm14, zmm14, zmm4
    vpxorq zmm3, zmm2, zmm1
    vpsrlw zmm4, zmm3, 4
    vpandq zmm3, zmm3, zmm7
    vpandq zmm4, zmm4, zmm7
    vpshufb zmm3, zmm6, zmm3
    vpshufb zmm4, zmm6, zmm4
    vpaddb zmm15, zmm15, zmm3
    vpaddb zmm15, zmm15, zmm4
    add rsi, 256
    sub rbp, 1
    jne loop
