# Sums of bytes in ymm8-ymm15 onto sums of 64 bits in memory, and cleared from ymm0 = 0.
.intel_syntax noprefix
loop:
    vpsadbw ymm1, ymm8, ymm0
    vmovdqu ymm2, [rdi]
    vpaddq ymm2, ymm2, ymm1
    vmovdqu [rdi], ymm2
    vbroadcastss ymm8, xmm0
    vpsadbw ymm1, ymm9, ymm0
    vmovdqu ymm2, [rdi+32]
    vpaddq ymm2, ymm2, ymm1
    vmovdqu [rdi+32], ymm2
    vbroadcastss ymm9, xmm0
    vpsadbw ymm1, ymm10, ymm0
    vmovdqu ymm2, [rdi+64]
    vpaddq ymm2, ymm2, ymm1
    vmovdqu [rdi+64], ymm2
    vbroadcastss ymm10, xmm0
    vpsadbw ymm1, ymm11, ymm0
    vmovdqu ymm2, [rdi+96]
    vpaddq ymm2, ymm2, ymm1
    vmovdqu [rdi+96], ymm2
    vbroadcastss ymm11, xmm0
    vpsadbw ymm1, ymm12, ymm0
    vmovdqu ymm2, [rdi+128]
    vpaddq ymm2, ymm2, ymm1
    vmovdqu [rdi+128], ymm2
    vbroadcastss ymm12, xmm0
    vpsadbw ymm1, ymm13, ymm0
    vmovdqu ymm2, [rdi+160]
    vpaddq ymm2, ymm2, ymm1
    vmovdqu [rdi+160], ymm2
    vbroadcastss ymm13, xmm0
    vpsadbw ymm1, ymm14, ymm0
    vmovdqu ymm2, [rdi+192]
    vpaddq ymm2, ymm2, ymm1
    vmovdqu [rdi+192], ymm2
    vbroadcastss ymm14, xmm0
    vpsadbw ymm1, ymm15, ymm0
    vmovdqu ymm2, [rdi+224]
    vpaddq ymm2, ymm2, ymm1
    vmovdqu [rdi+224], ymm2
    vbroadcastss ymm15, xmm0
    add rdi, 256
    sub rbp, 1
    jne loop
