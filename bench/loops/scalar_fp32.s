# One product onto one sum, which waits for the last.
.intel_syntax noprefix
loop:
    movss xmm0, [rdi+4*rcx]
    movss xmm1, [rsi+4*rcx]
    mulss xmm0, xmm1
    addss xmm2, xmm0
    add rcx, 1
    jne loop
