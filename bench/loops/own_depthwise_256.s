# Eight taps of eight vectors of channels: input and weight loaded, sums in ymm8-ymm15.
.intel_syntax noprefix
loop:
    vmovups ymm0, [rdi]
    vmovups ymm1, [rsi]
    vfmadd231ps ymm8, ymm0, ymm1
    vmovups ymm2, [rdi+32]
    vmovups ymm3, [rsi+32]
    vfmadd231ps ymm9, ymm2, ymm3
    add rdi, 256
    vmovups ymm4, [rdi+64]
    vmovups ymm5, [rsi+64]
    vfmadd231ps ymm10, ymm4, ymm5
    vmovups ymm6, [rdi+96]
    vmovups ymm7, [rsi+96]
    vfmadd231ps ymm11, ymm6, ymm7
    add rsi, 256
    vmovups ymm0, [rdi+128]
    vmovups ymm1, [rsi+128]
    vfmadd231ps ymm12, ymm0, ymm1
    vmovups ymm2, [rdi+160]
    vmovups ymm3, [rsi+160]
    vfmadd231ps ymm13, ymm2, ymm3
    add rdi, 256
    vmovups ymm4, [rdi+192]
    vmovups ymm5, [rsi+192]
    vfmadd231ps ymm14, ymm4, ymm5
    vmovups ymm6, [rdi+224]
    vmovups ymm7, [rsi+224]
    vfmadd231ps ymm15, ymm6, ymm7
    add rsi, 256
