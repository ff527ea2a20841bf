# 2 positions x 128 filters x 12 bits: three tables (ymm1-ymm3) by four vectors of filters.
# sums of one position in ymm8-ymm11, of the other in ymm12-ymm15; ymm0: the mask.
.intel_syntax noprefix
loop:
    movzx eax, word ptr [rsi+0]
    vbroadcasti128 ymm1, [r8+rax]
    movzx eax, word ptr [rsi+2]
    vbroadcasti128 ymm2, [r8+rax]
    movzx eax, word ptr [rsi+4]
    vbroadcasti128 ymm3, [r8+rax]
    vmovdqu ymm4, [rdi+0]
    vpshufb ymm4, ymm1, ymm4
    vmovdqu ymm5, [rdi+128]
    vpshufb ymm5, ymm2, ymm5
    vmovdqu ymm6, [rdi+256]
    vpshufb ymm6, ymm3, ymm6
    vpaddb ymm4, ymm4, ymm5
    vpaddb ymm4, ymm4, ymm6
    vpand ymm7, ymm4, ymm0
    vpaddb ymm8, ymm8, ymm7
    vpsrlw ymm4, ymm4, 4
    vpaddw ymm12, ymm12, ymm4
    vmovdqu ymm4, [rdi+32]
    vpshufb ymm4, ymm1, ymm4
    vmovdqu ymm5, [rdi+160]
    vpshufb ymm5, ymm2, ymm5
    vmovdqu ymm6, [rdi+288]
    vpshufb ymm6, ymm3, ymm6
    vpaddb ymm4, ymm4, ymm5
    vpaddb ymm4, ymm4, ymm6
    vpand ymm7, ymm4, ymm0
    vpaddb ymm9, ymm9, ymm7
    vpsrlw ymm4, ymm4, 4
    vpaddw ymm13, ymm13, ymm4
    vmovdqu ymm4, [rdi+64]
    vpshufb ymm4, ymm1, ymm4
    vmovdqu ymm5, [rdi+192]
    vpshufb ymm5, ymm2, ymm5
    vmovdqu ymm6, [rdi+320]
    vpshufb ymm6, ymm3, ymm6
    vpaddb ymm4, ymm4, ymm5
    vpaddb ymm4, ymm4, ymm6
    vpand ymm7, ymm4, ymm0
    vpaddb ymm10, ymm10, ymm7
    vpsrlw ymm4, ymm4, 4
    vpaddw ymm14, ymm14, ymm4
    vmovdqu ymm4, [rdi+96]
    vpshufb ymm4, ymm1, ymm4
    vmovdqu ymm5, [rdi+224]
    vpshufb ymm5, ymm2, ymm5
    vmovdqu ymm6, [rdi+352]
    vpshufb ymm6, ymm3, ymm6
    vpaddb ymm4, ymm4, ymm5
    vpaddb ymm4, ymm4, ymm6
    vpand ymm7, ymm4, ymm0
    vpaddb ymm11, ymm11, ymm7
    vpsrlw ymm4, ymm4, 4
    vpaddw ymm15, ymm15, ymm4
    add rsi, 6
    add rdi, 384
    sub rbp, 1
    jne loop
