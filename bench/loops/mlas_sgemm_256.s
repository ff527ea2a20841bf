# 6 filters x 16 positions x 4 products.
.intel_syntax noprefix
loop:
    vmovups ymm0, [rsi+0]
    vmovups ymm1, [rsi+32]
    vbroadcastss ymm3, [rdi+0]
    vfmadd231ps ymm4, ymm3, ymm0
    vfmadd231ps ymm5, ymm3, ymm1
    vbroadcastss ymm3, [rdi+64]
    vfmadd231ps ymm6, ymm3, ymm0
    vfmadd231ps ymm7, ymm3, ymm1
    vbroadcastss ymm3, [rdi+128]
    vfmadd231ps ymm8, ymm3, ymm0
    vfmadd231ps ymm9, ymm3, ymm1
    vbroadcastss ymm3, [rdi+192]
    vfmadd231ps ymm10, ymm3, ymm0
    vfmadd231ps ymm11, ymm3, ymm1
    vbroadcastss ymm3, [rdi+256]
    vfmadd231ps ymm12, ymm3, ymm0
    vfmadd231ps ymm13, ymm3, ymm1
    vbroadcastss ymm3, [rdi+320]
    vfmadd231ps ymm14, ymm3, ymm0
    vfmadd231ps ymm15, ymm3, ymm1
    vmovups ymm0, [rsi+64]
    vmovups ymm1, [rsi+96]
    vbroadcastss ymm3, [rdi+4]
    vfmadd231ps ymm4, ymm3, ymm0
    vfmadd231ps ymm5, ymm3, ymm1
    vbroadcastss ymm3, [rdi+68]
    vfmadd231ps ymm6, ymm3, ymm0
    vfmadd231ps ymm7, ymm3, ymm1
    vbroadcastss ymm3, [rdi+132]
    vfmadd231ps ymm8, ymm3, ymm0
    vfmadd231ps ymm9, ymm3, ymm1
    vbroadcastss ymm3, [rdi+196]
    vfmadd231ps ymm10, ymm3, ymm0
    vfmadd231ps ymm11, ymm3, ymm1
    vbroadcastss ymm3, [rdi+260]
    vfmadd231ps ymm12, ymm3, ymm0
    vfmadd231ps ymm13, ymm3, ymm1
    vbroadcastss ymm3, [rdi+324]
    vfmadd231ps ymm14, ymm3, ymm0
    vfmadd231ps ymm15, ymm3, ymm1
    vmovups ymm0, [rsi+128]
    vmovups ymm1, [rsi+160]
    vbroadcastss ymm3, [rdi+8]
    vfmadd231ps ymm4, ymm3, ymm0
    vfmadd231ps ymm5, ymm3, ymm1
    vbroadcastss ymm3, [rdi+72]
    vfmadd231ps ymm6, ymm3, ymm0
    vfmadd231ps ymm7, ymm3, ymm1
    vbroadcastss ymm3, [rdi+136]
    vfmadd231ps ymm8, ymm3, ymm0
    vfmadd231ps ymm9, ymm3, ymm1
    vbroadcastss ymm3, [rdi+200]
    vfmadd231ps ymm10, ymm3, ymm0
    vfmadd231ps ymm11, ymm3, ymm1
    vbroadcastss ymm3, [rdi+264]
    vfmadd231ps ymm12, ymm3, ymm0
    vfmadd231ps ymm13, ymm3, ymm1
    vbroadcastss ymm3, [rdi+328]
    vfmadd231ps ymm14, ymm3, ymm0
    vfmadd231ps ymm15, ymm3, ymm1
    vmovups ymm0, [rsi+192]
    vmovups ymm1, [rsi+224]
    vbroadcastss ymm3, [rdi+12]
    vfmadd231ps ymm4, ymm3, ymm0
    vfmadd231ps ymm5, ymm3, ymm1
    vbroadcastss ymm3, [rdi+76]
    vfmadd231ps ymm6, ymm3, ymm0
    vfmadd231ps ymm7, ymm3, ymm1
    vbroadcastss ymm3, [rdi+140]
    vfmadd231ps ymm8, ymm3, ymm0
    vfmadd231ps ymm9, ymm3, ymm1
    vbroadcastss ymm3, [rdi+204]
    vfmadd231ps ymm10, ymm3, ymm0
    vfmadd231ps ymm11, ymm3, ymm1
    vbroadcastss ymm3, [rdi+268]
    vfmadd231ps ymm12, ymm3, ymm0
    vfmadd231ps ymm13, ymm3, ymm1
    vbroadcastss ymm3, [rdi+332]
    vfmadd231ps ymm14, ymm3, ymm0
    vfmadd231ps ymm15, ymm3, ymm1
    add rsi, 256
    add rdi, 16
    add rbx, 16
    sub rcx, 4
    jne loop
