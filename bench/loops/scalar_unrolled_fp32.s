# Two filters at two positions: four fused products and sums, none of which waits for another.
.intel_syntax noprefix
loop:
    mov rax, rcx
    sar rax, 63
    and rax, r9
    add rax, rcx
    mov rbx, rdx
    sar rbx, 63
    and rbx, r9
    add rbx, rdx
    movss xmm0, [rdi+4*rax]
    movss xmm1, [rdi+4*rbx]
    movss xmm2, [rsi+4*rcx]
    movss xmm3, [r8+4*rcx]
    vfmadd231ss xmm8, xmm0, xmm2
    vfmadd231ss xmm9, xmm1, xmm2
    vfmadd231ss xmm10, xmm0, xmm3
    vfmadd231ss xmm11, xmm1, xmm3
    add rcx, 1
    add rdx, 1
    add r10, 4
    sub rbp, 1
    jne loop
