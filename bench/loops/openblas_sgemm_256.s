# 16 positions x 12 filters x 4 products: two tiles of six filters, one after the other.
.intel_syntax noprefix
loop:
    vmovups ymm1, [rdi+0]
    vmovups ymm2, [rsi+0]
    vbroadcastss ymm3, [rdx+0]
    vfmadd231ps ymm4, ymm3, ymm1
    vfmadd231ps ymm5, ymm3, ymm2
    vbroadcastss ymm3, [rdx+4]
    vfmadd231ps ymm6, ymm3, ymm1
    vfmadd231ps ymm7, ymm3, ymm2
    vbroadcastss ymm3, [rdx+8]
    vfmadd231ps ymm8, ymm3, ymm1
    vfmadd231ps ymm9, ymm3, ymm2
    vbroadcastss ymm3, [rdx+12]
    vfmadd231ps ymm10, ymm3, ymm1
    vfmadd231ps ymm11, ymm3, ymm2
    vbroadcastss ymm3, [rdx+16]
    vfmadd231ps ymm12, ymm3, ymm1
    vfmadd231ps ymm13, ymm3, ymm2
    vbroadcastss ymm3, [rdx+20]
    vfmadd231ps ymm14, ymm3, ymm1
    vfmadd231ps ymm15, ymm3, ymm2
    vmovups ymm1, [rdi+0]
    vmovups ymm2, [rsi+0]
    vbroadcastss ymm3, [rdx+0]
    vfmadd231ps ymm4, ymm3, ymm1
    vfmadd231ps ymm5, ymm3, ymm2
    vbroadcastss ymm3, [rdx+4]
    vfmadd231ps ymm6, ymm3, ymm1
    vfmadd231ps ymm7, ymm3, ymm2
    vbroadcastss ymm3, [rdx+8]
    vfmadd231ps ymm8, ymm3, ymm1
    vfmadd231ps ymm9, ymm3, ymm2
    vbroadcastss ymm3, [rdx+12]
    vfmadd231ps ymm10, ymm3, ymm1
    vfmadd231ps ymm11, ymm3, ymm2
    vbroadcastss ymm3, [rdx+16]
    vfmadd231ps ymm12, ymm3, ymm1
    vfmadd231ps ymm13, ymm3, ymm2
    vbroadcastss ymm3, [rdx+20]
    vfmadd231ps ymm14, ymm3, ymm1
    vfmadd231ps ymm15, ymm3, ymm2
    prefetcht0 [rdi+512]
    prefetcht0 [rdi+512]
    add rdi, 64
    add rdi, 64
    add rdi, 64
    add rdi, 64
    vmovups ymm1, [rdi+64]
    vmovups ymm2, [rsi+64]
    vbroadcastss ymm3, [rdx+0]
    vfmadd231ps ymm4, ymm3, ymm1
    vfmadd231ps ymm5, ymm3, ymm2
    vbroadcastss ymm3, [rdx+4]
    vfmadd231ps ymm6, ymm3, ymm1
    vfmadd231ps ymm7, ymm3, ymm2
    vbroadcastss ymm3, [rdx+8]
    vfmadd231ps ymm8, ymm3, ymm1
    vfmadd231ps ymm9, ymm3, ymm2
    vbroadcastss ymm3, [rdx+12]
    vfmadd231ps ymm10, ymm3, ymm1
    vfmadd231ps ymm11, ymm3, ymm2
    vbroadcastss ymm3, [rdx+16]
    vfmadd231ps ymm12, ymm3, ymm1
    vfmadd231ps ymm13, ymm3, ymm2
    vbroadcastss ymm3, [rdx+20]
    vfmadd231ps ymm14, ymm3, ymm1
    vfmadd231ps ymm15, ymm3, ymm2
    vmovups ymm1, [rdi+64]
    vmovups ymm2, [rsi+64]
    vbroadcastss ymm3, [rdx+0]
    vfmadd231ps ymm4, ymm3, ymm1
    vfmadd231ps ymm5, ymm3, ymm2
    vbroadcastss ymm3, [rdx+4]
    vfmadd231ps ymm6, ymm3, ymm1
    vfmadd231ps ymm7, ymm3, ymm2
    vbroadcastss ymm3, [rdx+8]
    vfmadd231ps ymm8, ymm3, ymm1
    vfmadd231ps ymm9, ymm3, ymm2
    vbroadcastss ymm3, [rdx+12]
    vfmadd231ps ymm10, ymm3, ymm1
    vfmadd231ps ymm11, ymm3, ymm2
    vbroadcastss ymm3, [rdx+16]
    vfmadd231ps ymm12, ymm3, ymm1
    vfmadd231ps ymm13, ymm3, ymm2
    vbroadcastss ymm3, [rdx+20]
    vfmadd231ps ymm14, ymm3, ymm1
    vfmadd231ps ymm15, ymm3, ymm2
    prefetcht0 [rdi+512]
    prefetcht0 [rdi+512]
    add rdi, 64
    add rdi, 64
    add rdi, 64
    add rdi, 64
    vmovups ymm1, [rdi+128]
    vmovups ymm2, [rsi+128]
    vbroadcastss ymm3, [rdx+0]
    vfmadd231ps ymm4, ymm3, ymm1
    vfmadd231ps ymm5, ymm3, ymm2
    vbroadcastss ymm3, [rdx+4]
    vfmadd231ps ymm6, ymm3, ymm1
    vfmadd231ps ymm7, ymm3, ymm2
    vbroadcastss ymm3, [rdx+8]
    vfmadd231ps ymm8, ymm3, ymm1
    vfmadd231ps ymm9, ymm3, ymm2
    vbroadcastss ymm3, [rdx+12]
    vfmadd231ps ymm10, ymm3, ymm1
    vfmadd231ps ymm11, ymm3, ymm2
    vbroadcastss ymm3, [rdx+16]
    vfmadd231ps ymm12, ymm3, ymm1
    vfmadd231ps ymm13, ymm3, ymm2
    vbroadcastss ymm3, [rdx+20]
    vfmadd231ps ymm14, ymm3, ymm1
    vfmadd231ps ymm15, ymm3, ymm2
    vmovups ymm1, [rdi+128]
    vmovups ymm2, [rsi+128]
    vbroadcastss ymm3, [rdx+0]
    vfmadd231ps ymm4, ymm3, ymm1
    vfmadd231ps ymm5, ymm3, ymm2
    vbroadcastss ymm3, [rdx+4]
    vfmadd231ps ymm6, ymm3, ymm1
    vfmadd231ps ymm7, ymm3, ymm2
    vbroadcastss ymm3, [rdx+8]
    vfmadd231ps ymm8, ymm3, ymm1
    vfmadd231ps ymm9, ymm3, ymm2
    vbroadcastss ymm3, [rdx+12]
    vfmadd231ps ymm10, ymm3, ymm1
    vfmadd231ps ymm11, ymm3, ymm2
    vbroadcastss ymm3, [rdx+16]
    vfmadd231ps ymm12, ymm3, ymm1
    vfmadd231ps ymm13, ymm3, ymm2
    vbroadcastss ymm3, [rdx+20]
    vfmadd231ps ymm14, ymm3, ymm1
    vfmadd231ps ymm15, ymm3, ymm2
    prefetcht0 [rdi+512]
    prefetcht0 [rdi+512]
    add rdi, 64
    add rdi, 64
    add rdi, 64
    add rdi, 64
    vmovups ymm1, [rdi+192]
    vmovups ymm2, [rsi+192]
    vbroadcastss ymm3, [rdx+0]
    vfmadd231ps ymm4, ymm3, ymm1
    vfmadd231ps ymm5, ymm3, ymm2
    vbroadcastss ymm3, [rdx+4]
    vfmadd231ps ymm6, ymm3, ymm1
    vfmadd231ps ymm7, ymm3, ymm2
    vbroadcastss ymm3, [rdx+8]
    vfmadd231ps ymm8, ymm3, ymm1
    vfmadd231ps ymm9, ymm3, ymm2
    vbroadcastss ymm3, [rdx+12]
    vfmadd231ps ymm10, ymm3, ymm1
    vfmadd231ps ymm11, ymm3, ymm2
    vbroadcastss ymm3, [rdx+16]
    vfmadd231ps ymm12, ymm3, ymm1
    vfmadd231ps ymm13, ymm3, ymm2
    vbroadcastss ymm3, [rdx+20]
    vfmadd231ps ymm14, ymm3, ymm1
    vfmadd231ps ymm15, ymm3, ymm2
    vmovups ymm1, [rdi+192]
    vmovups ymm2, [rsi+192]
    vbroadcastss ymm3, [rdx+0]
    vfmadd231ps ymm4, ymm3, ymm1
    vfmadd231ps ymm5, ymm3, ymm2
    vbroadcastss ymm3, [rdx+4]
    vfmadd231ps ymm6, ymm3, ymm1
    vfmadd231ps ymm7, ymm3, ymm2
    vbroadcastss ymm3, [rdx+8]
    vfmadd231ps ymm8, ymm3, ymm1
    vfmadd231ps ymm9, ymm3, ymm2
    vbroadcastss ymm3, [rdx+12]
    vfmadd231ps ymm10, ymm3, ymm1
    vfmadd231ps ymm11, ymm3, ymm2
    vbroadcastss ymm3, [rdx+16]
    vfmadd231ps ymm12, ymm3, ymm1
    vfmadd231ps ymm13, ymm3, ymm2
    vbroadcastss ymm3, [rdx+20]
    vfmadd231ps ymm14, ymm3, ymm1
    vfmadd231ps ymm15, ymm3, ymm2
    prefetcht0 [rdi+512]
    prefetcht0 [rdi+512]
    add rdi, 64
    add rdi, 64
    add rdi, 64
    add rdi, 64
    add rdx, 16
    sub rbp, 1
    jne loop
