# 16 positions x 24 filters x 4 products: even and odd lanes by pairs of filters.
.intel_syntax noprefix
loop:
    vmovups zmm1, [rdi+0]
    vmovups zmm2, [rsi+0]
    vbroadcastss zmm3, [rdx+0]
    vfmadd231ps zmm4, zmm3, zmm1
    vfmadd231ps zmm5, zmm3, zmm2
    vbroadcastss zmm3, [rdx+4]
    vfmadd231ps zmm6, zmm3, zmm1
    vfmadd231ps zmm7, zmm3, zmm2
    vbroadcastss zmm3, [rdx+8]
    vfmadd231ps zmm8, zmm3, zmm1
    vfmadd231ps zmm9, zmm3, zmm2
    vbroadcastss zmm3, [rdx+12]
    vfmadd231ps zmm10, zmm3, zmm1
    vfmadd231ps zmm11, zmm3, zmm2
    vbroadcastss zmm3, [rdx+16]
    vfmadd231ps zmm12, zmm3, zmm1
    vfmadd231ps zmm13, zmm3, zmm2
    vbroadcastss zmm3, [rdx+20]
    vfmadd231ps zmm14, zmm3, zmm1
    vfmadd231ps zmm15, zmm3, zmm2
    vbroadcastss zmm3, [rdx+24]
    vfmadd231ps zmm16, zmm3, zmm1
    vfmadd231ps zmm17, zmm3, zmm2
    vbroadcastss zmm3, [rdx+28]
    vfmadd231ps zmm18, zmm3, zmm1
    vfmadd231ps zmm19, zmm3, zmm2
    vbroadcastss zmm3, [rdx+32]
    vfmadd231ps zmm20, zmm3, zmm1
    vfmadd231ps zmm21, zmm3, zmm2
    vbroadcastss zmm3, [rdx+36]
    vfmadd231ps zmm22, zmm3, zmm1
    vfmadd231ps zmm23, zmm3, zmm2
    vbroadcastss zmm3, [rdx+40]
    vfmadd231ps zmm24, zmm3, zmm1
    vfmadd231ps zmm25, zmm3, zmm2
    vbroadcastss zmm3, [rdx+44]
    vfmadd231ps zmm26, zmm3, zmm1
    vfmadd231ps zmm27, zmm3, zmm2
    prefetcht0 [rdi+512]
    prefetcht0 [rdi+512]
    add rdi, 64
    add rdi, 64
    add rdi, 64
    add rdi, 64
    vmovups zmm1, [rdi+128]
    vmovups zmm2, [rsi+128]
    vbroadcastss zmm3, [rdx+0]
    vfmadd231ps zmm4, zmm3, zmm1
    vfmadd231ps zmm5, zmm3, zmm2
    vbroadcastss zmm3, [rdx+4]
    vfmadd231ps zmm6, zmm3, zmm1
    vfmadd231ps zmm7, zmm3, zmm2
    vbroadcastss zmm3, [rdx+8]
    vfmadd231ps zmm8, zmm3, zmm1
    vfmadd231ps zmm9, zmm3, zmm2
    vbroadcastss zmm3, [rdx+12]
    vfmadd231ps zmm10, zmm3, zmm1
    vfmadd231ps zmm11, zmm3, zmm2
    vbroadcastss zmm3, [rdx+16]
    vfmadd231ps zmm12, zmm3, zmm1
    vfmadd231ps zmm13, zmm3, zmm2
    vbroadcastss zmm3, [rdx+20]
    vfmadd231ps zmm14, zmm3, zmm1
    vfmadd231ps zmm15, zmm3, zmm2
    vbroadcastss zmm3, [rdx+24]
    vfmadd231ps zmm16, zmm3, zmm1
    vfmadd231ps zmm17, zmm3, zmm2
    vbroadcastss zmm3, [rdx+28]
    vfmadd231ps zmm18, zmm3, zmm1
    vfmadd231ps zmm19, zmm3, zmm2
    vbroadcastss zmm3, [rdx+32]
    vfmadd231ps zmm20, zmm3, zmm1
    vfmadd231ps zmm21, zmm3, zmm2
    vbroadcastss zmm3, [rdx+36]
    vfmadd231ps zmm22, zmm3, zmm1
    vfmadd231ps zmm23, zmm3, zmm2
    vbroadcastss zmm3, [rdx+40]
    vfmadd231ps zmm24, zmm3, zmm1
    vfmadd231ps zmm25, zmm3, zmm2
    vbroadcastss zmm3, [rdx+44]
    vfmadd231ps zmm26, zmm3, zmm1
    vfmadd231ps zmm27, zmm3, zmm2
    prefetcht0 [rdi+512]
    prefetcht0 [rdi+512]
    add rdi, 64
    add rdi, 64
    add rdi, 64
    add rdi, 64
    vmovups zmm1, [rdi+256]
    vmovups zmm2, [rsi+256]
    vbroadcastss zmm3, [rdx+0]
    vfmadd231ps zmm4, zmm3, zmm1
    vfmadd231ps zmm5, zmm3, zmm2
    vbroadcastss zmm3, [rdx+4]
    vfmadd231ps zmm6, zmm3, zmm1
    vfmadd231ps zmm7, zmm3, zmm2
    vbroadcastss zmm3, [rdx+8]
    vfmadd231ps zmm8, zmm3, zmm1
    vfmadd231ps zmm9, zmm3, zmm2
    vbroadcastss zmm3, [rdx+12]
    vfmadd231ps zmm10, zmm3, zmm1
    vfmadd231ps zmm11, zmm3, zmm2
    vbroadcastss zmm3, [rdx+16]
    vfmadd231ps zmm12, zmm3, zmm1
    vfmadd231ps zmm13, zmm3, zmm2
    vbroadcastss zmm3, [rdx+20]
    vfmadd231ps zmm14, zmm3, zmm1
    vfmadd231ps zmm15, zmm3, zmm2
    vbroadcastss zmm3, [rdx+24]
    vfmadd231ps zmm16, zmm3, zmm1
    vfmadd231ps zmm17, zmm3, zmm2
    vbroadcastss zmm3, [rdx+28]
    vfmadd231ps zmm18, zmm3, zmm1
    vfmadd231ps zmm19, zmm3, zmm2
    vbroadcastss zmm3, [rdx+32]
    vfmadd231ps zmm20, zmm3, zmm1
    vfmadd231ps zmm21, zmm3, zmm2
    vbroadcastss zmm3, [rdx+36]
    vfmadd231ps zmm22, zmm3, zmm1
    vfmadd231ps zmm23, zmm3, zmm2
    vbroadcastss zmm3, [rdx+40]
    vfmadd231ps zmm24, zmm3, zmm1
    vfmadd231ps zmm25, zmm3, zmm2
    vbroadcastss zmm3, [rdx+44]
    vfmadd231ps zmm26, zmm3, zmm1
    vfmadd231ps zmm27, zmm3, zmm2
    prefetcht0 [rdi+512]
    prefetcht0 [rdi+512]
    add rdi, 64
    add rdi, 64
    add rdi, 64
    add rdi, 64
    vmovups zmm1, [rdi+384]
    vmovups zmm2, [rsi+384]
    vbroadcastss zmm3, [rdx+0]
    vfmadd231ps zmm4, zmm3, zmm1
    vfmadd231ps zmm5, zmm3, zmm2
    vbroadcastss zmm3, [rdx+4]
    vfmadd231ps zmm6, zmm3, zmm1
    vfmadd231ps zmm7, zmm3, zmm2
    vbroadcastss zmm3, [rdx+8]
    vfmadd231ps zmm8, zmm3, zmm1
    vfmadd231ps zmm9, zmm3, zmm2
    vbroadcastss zmm3, [rdx+12]
    vfmadd231ps zmm10, zmm3, zmm1
    vfmadd231ps zmm11, zmm3, zmm2
    vbroadcastss zmm3, [rdx+16]
    vfmadd231ps zmm12, zmm3, zmm1
    vfmadd231ps zmm13, zmm3, zmm2
    vbroadcastss zmm3, [rdx+20]
    vfmadd231ps zmm14, zmm3, zmm1
    vfmadd231ps zmm15, zmm3, zmm2
    vbroadcastss zmm3, [rdx+24]
    vfmadd231ps zmm16, zmm3, zmm1
    vfmadd231ps zmm17, zmm3, zmm2
    vbroadcastss zmm3, [rdx+28]
    vfmadd231ps zmm18, zmm3, zmm1
    vfmadd231ps zmm19, zmm3, zmm2
    vbroadcastss zmm3, [rdx+32]
    vfmadd231ps zmm20, zmm3, zmm1
    vfmadd231ps zmm21, zmm3, zmm2
    vbroadcastss zmm3, [rdx+36]
    vfmadd231ps zmm22, zmm3, zmm1
    vfmadd231ps zmm23, zmm3, zmm2
    vbroadcastss zmm3, [rdx+40]
    vfmadd231ps zmm24, zmm3, zmm1
    vfmadd231ps zmm25, zmm3, zmm2
    vbroadcastss zmm3, [rdx+44]
    vfmadd231ps zmm26, zmm3, zmm1
    vfmadd231ps zmm27, zmm3, zmm2
    prefetcht0 [rdi+512]
    prefetcht0 [rdi+512]
    add rdi, 64
    add rdi, 64
    add rdi, 64
    add rdi, 64
    add rdx, 16
    sub rbp, 1
    jne loop
