# One product onto one sum, which waits for the last; an index that might be negative.
.intel_syntax noprefix
loop:
    mov rax, rcx
    sar rax, 63
    and rax, r9
    add rax, rcx
    movss xmm0, [rdi+4*rax]
    mov rbx, [rsp+8]
    mulss xmm0, xmm1
    movss xmm1, [rbx+4*rcx]
    addss xmm2, xmm0
    add rcx, 1
    sub rbp, 1
    jne loop
