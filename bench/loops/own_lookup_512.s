# 2 positions x 256 filters x 12 bits: three tables (zmm1-zmm3) by four vectors of filters.
# sums of one position in zmm8-zmm11, of the other in zmm12-zmm15; zmm0: the mask.
.intel_syntax noprefix
loop:
    movzx eax, word ptr [rsi+0]
    vbroadcasti32x4 zmm1, [r8+rax]
    movzx eax, word ptr [rsi+2]
    vbroadcasti32x4 zmm2, [r8+rax]
    movzx eax, word ptr [rsi+4]
    vbroadcasti32x4 zmm3, [r8+rax]
    vmovdqu64 zmm4, [rdi+0]
    vpshufb zmm4, zmm1, zmm4
    vmovdqu64 zmm5, [rdi+256]
    vpshufb zmm5, zmm2, zmm5
    vmovdqu64 zmm6, [rdi+512]
    vpshufb zmm6, zmm3, zmm6
    vpaddb zmm4, zmm4, zmm5
    vpaddb zmm4, zmm4, zmm6
    vpandq zmm7, zmm4, zmm0
    vpaddb zmm8, zmm8, zmm7
    vpsrlw zmm4, zmm4, 4
    vpaddw zmm12, zmm12, zmm4
    vmovdqu64 zmm4, [rdi+64]
    vpshufb zmm4, zmm1, zmm4
    vmovdqu64 zmm5, [rdi+320]
    vpshufb zmm5, zmm2, zmm5
    vmovdqu64 zmm6, [rdi+576]
    vpshufb zmm6, zmm3, zmm6
    vpaddb zmm4, zmm4, zmm5
    vpaddb zmm4, zmm4, zmm6
    vpandq zmm7, zmm4, zmm0
    vpaddb zmm9, zmm9, zmm7
    vpsrlw zmm4, zmm4, 4
    vpaddw zmm13, zmm13, zmm4
    vmovdqu64 zmm4, [rdi+128]
    vpshufb zmm4, zmm1, zmm4
    vmovdqu64 zmm5, [rdi+384]
    vpshufb zmm5, zmm2, zmm5
    vmovdqu64 zmm6, [rdi+640]
    vpshufb zmm6, zmm3, zmm6
    vpaddb zmm4, zmm4, zmm5
    vpaddb zmm4, zmm4, zmm6
    vpandq zmm7, zmm4, zmm0
    vpaddb zmm10, zmm10, zmm7
    vpsrlw zmm4, zmm4, 4
    vpaddw zmm14, zmm14, zmm4
    vmovdqu64 zmm4, [rdi+192]
    vpshufb zmm4, zmm1, zmm4
    vmovdqu64 zmm5, [rdi+448]
    vpshufb zmm5, zmm2, zmm5
    vmovdqu64 zmm6, [rdi+704]
    vpshufb zmm6, zmm3, zmm6
    vpaddb zmm4, zmm4, zmm5
    vpaddb zmm4, zmm4, zmm6
    vpandq zmm7, zmm4, zmm0
    vpaddb zmm11, zmm11, zmm7
    vpsrlw zmm4, zmm4, 4
    vpaddw zmm15, zmm15, zmm4
    add rsi, 6
    add rdi, 768
    sub rbp, 1
    jne loop
