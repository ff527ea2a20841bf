# 16 positions x 4 products of one filter: sums in ymm0, ymm1.
.intel_syntax noprefix
loop:
    mov rax, [rsi+0]
    vbroadcastss ymm2, [rdx+0]
    add rax, rdi
    vmovups ymm3, [rax]
    vmovups ymm4, [rax+32]
    vfmadd231ps ymm0, ymm2, ymm3
    vfmadd231ps ymm1, ymm2, ymm4
    mov rax, [rsi+8]
    vbroadcastss ymm2, [rdx+4]
    add rax, rdi
    vmovups ymm3, [rax]
    vmovups ymm4, [rax+32]
    vfmadd231ps ymm0, ymm2, ymm3
    vfmadd231ps ymm1, ymm2, ymm4
    mov rax, [rsi+16]
    vbroadcastss ymm2, [rdx+8]
    add rax, rdi
    vmovups ymm3, [rax]
    vmovups ymm4, [rax+32]
    vfmadd231ps ymm0, ymm2, ymm3
    vfmadd231ps ymm1, ymm2, ymm4
    mov rax, [rsi+24]
    vbroadcastss ymm2, [rdx+12]
    add rax, rdi
    vmovups ymm3, [rax]
    vmovups ymm4, [rax+32]
    vfmadd231ps ymm0, ymm2, ymm3
    vfmadd231ps ymm1, ymm2, ymm4
    add rsi, 32
    add rdx, 16
    add r10, 4
    sub rbp, 4
    jne loop
