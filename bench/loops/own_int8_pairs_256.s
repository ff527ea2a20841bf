# Four steps: two vectors of filters (ymm0, ymm1) x 4 broadcast positions x 4 products;
# sums in ymm4-ymm11, ymm15 = 1.
.intel_syntax noprefix
loop:
    vmovdqu ymm0, [rdi]
    vmovdqu ymm1, [rdi+32]
    vbroadcastss ymm2, [rsi]
    vpmaddubsw ymm3, ymm2, ymm0
    vpmaddwd ymm3, ymm3, ymm15
    vpaddd ymm4, ymm4, ymm3
    vpmaddubsw ymm3, ymm2, ymm1
    vpmaddwd ymm3, ymm3, ymm15
    vpaddd ymm5, ymm5, ymm3
    vbroadcastss ymm2, [rsi+4]
    vpmaddubsw ymm3, ymm2, ymm0
    vpmaddwd ymm3, ymm3, ymm15
    vpaddd ymm6, ymm6, ymm3
    vpmaddubsw ymm3, ymm2, ymm1
    vpmaddwd ymm3, ymm3, ymm15
    vpaddd ymm7, ymm7, ymm3
    vbroadcastss ymm2, [rsi+8]
    vpmaddubsw ymm3, ymm2, ymm0
    vpmaddwd ymm3, ymm3, ymm15
    vpaddd ymm8, ymm8, ymm3
    vpmaddubsw ymm3, ymm2, ymm1
    vpmaddwd ymm3, ymm3, ymm15
    vpaddd ymm9, ymm9, ymm3
    vbroadcastss ymm2, [rsi+12]
    vpmaddubsw ymm3, ymm2, ymm0
    vpmaddwd ymm3, ymm3, ymm15
    vpaddd ymm10, ymm10, ymm3
    vpmaddubsw ymm3, ymm2, ymm1
    vpmaddwd ymm3, ymm3, ymm15
    vpaddd ymm11, ymm11, ymm3
    vmovdqu ymm0, [rdi+64]
    vmovdqu ymm1, [rdi+96]
    vbroadcastss ymm2, [rsi+16]
    vpmaddubsw ymm3, ymm2, ymm0
    vpmaddwd ymm3, ymm3, ymm15
    vpaddd ymm4, ymm4, ymm3
    vpmaddubsw ymm3, ymm2, ymm1
    vpmaddwd ymm3, ymm3, ymm15
    vpaddd ymm5, ymm5, ymm3
    vbroadcastss ymm2, [rsi+20]
    vpmaddubsw ymm3, ymm2, ymm0
    vpmaddwd ymm3, ymm3, ymm15
    vpaddd ymm6, ymm6, ymm3
    vpmaddubsw ymm3, ymm2, ymm1
    vpmaddwd ymm3, ymm3, ymm15
    vpaddd ymm7, ymm7, ymm3
    vbroadcastss ymm2, [rsi+24]
    vpmaddubsw ymm3, ymm2, ymm0
    vpmaddwd ymm3, ymm3, ymm15
    vpaddd ymm8, ymm8, ymm3
    vpmaddubsw ymm3, ymm2, ymm1
    vpmaddwd ymm3, ymm3, ymm15
    vpaddd ymm9, ymm9, ymm3
    vbroadcastss ymm2, [rsi+28]
    vpmaddubsw ymm3, ymm2, ymm0
    vpmaddwd ymm3, ymm3, ymm15
    vpaddd ymm10, ymm10, ymm3
    vpmaddubsw ymm3, ymm2, ymm1
    vpmaddwd ymm3, ymm3, ymm15
    vpaddd ymm11, ymm11, ymm3
    vmovdqu ymm0, [rdi+128]
    vmovdqu ymm1, [rdi+160]
    vbroadcastss ymm2, [rsi+32]
    vpmaddubsw ymm3, ymm2, ymm0
    vpmaddwd ymm3, ymm3, ymm15
    vpaddd ymm4, ymm4, ymm3
    vpmaddubsw ymm3, ymm2, ymm1
    vpmaddwd ymm3, ymm3, ymm15
    vpaddd ymm5, ymm5, ymm3
    vbroadcastss ymm2, [rsi+36]
    vpmaddubsw ymm3, ymm2, ymm0
    vpmaddwd ymm3, ymm3, ymm15
    vpaddd ymm6, ymm6, ymm3
    vpmaddubsw ymm3, ymm2, ymm1
    vpmaddwd ymm3, ymm3, ymm15
    vpaddd ymm7, ymm7, ymm3
    vbroadcastss ymm2, [rsi+40]
    vpmaddubsw ymm3, ymm2, ymm0
    vpmaddwd ymm3, ymm3, ymm15
    vpaddd ymm8, ymm8, ymm3
    vpmaddubsw ymm3, ymm2, ymm1
    vpmaddwd ymm3, ymm3, ymm15
    vpaddd ymm9, ymm9, ymm3
    vbroadcastss ymm2, [rsi+44]
    vpmaddubsw ymm3, ymm2, ymm0
    vpmaddwd ymm3, ymm3, ymm15
    vpaddd ymm10, ymm10, ymm3
    vpmaddubsw ymm3, ymm2, ymm1
    vpmaddwd ymm3, ymm3, ymm15
    vpaddd ymm11, ymm11, ymm3
    vmovdqu ymm0, [rdi+192]
    vmovdqu ymm1, [rdi+224]
    vbroadcastss ymm2, [rsi+48]
    vpmaddubsw ymm3, ymm2, ymm0
    vpmaddwd ymm3, ymm3, ymm15
    vpaddd ymm4, ymm4, ymm3
    vpmaddubsw ymm3, ymm2, ymm1
    vpmaddwd ymm3, ymm3, ymm15
    vpaddd ymm5, ymm5, ymm3
    vbroadcastss ymm2, [rsi+52]
    vpmaddubsw ymm3, ymm2, ymm0
    vpmaddwd ymm3, ymm3, ymm15
    vpaddd ymm6, ymm6, ymm3
    vpmaddubsw ymm3, ymm2, ymm1
    vpmaddwd ymm3, ymm3, ymm15
    vpaddd ymm7, ymm7, ymm3
    vbroadcastss ymm2, [rsi+56]
    vpmaddubsw ymm3, ymm2, ymm0
    vpmaddwd ymm3, ymm3, ymm15
    vpaddd ymm8, ymm8, ymm3
    vpmaddubsw ymm3, ymm2, ymm1
    vpmaddwd ymm3, ymm3, ymm15
    vpaddd ymm9, ymm9, ymm3
    vbroadcastss ymm2, [rsi+60]
    vpmaddubsw ymm3, ymm2, ymm0
    vpmaddwd ymm3, ymm3, ymm15
    vpaddd ymm10, ymm10, ymm3
    vpmaddubsw ymm3, ymm2, ymm1
    vpmaddwd ymm3, ymm3, ymm15
    vpaddd ymm11, ymm11, ymm3
    add rdi, 256
    sub rbp, 1
    jne loop
