// 6 positions x two vectors of filters (v0, v1) x 64 bits; sums of 64 bits in v16-v27.
loop:
    ldr q0, [x0]
    ldr q1, [x0, #16]
    ld1r {v2.2d}, [x1]
    eor v3.16b, v2.16b, v0.16b
    cnt v3.16b, v3.16b
    uaddlp v3.8h, v3.16b
    uaddlp v3.4s, v3.8h
    uadalp v16.2d, v3.4s
    eor v4.16b, v2.16b, v1.16b
    cnt v4.16b, v4.16b
    uaddlp v4.8h, v4.16b
    uaddlp v4.4s, v4.8h
    uadalp v17.2d, v4.4s
    ld1r {v2.2d}, [x2]
    eor v3.16b, v2.16b, v0.16b
    cnt v3.16b, v3.16b
    uaddlp v3.8h, v3.16b
    uaddlp v3.4s, v3.8h
    uadalp v18.2d, v3.4s
    eor v4.16b, v2.16b, v1.16b
    cnt v4.16b, v4.16b
    uaddlp v4.8h, v4.16b
    uaddlp v4.4s, v4.8h
    uadalp v19.2d, v4.4s
    ld1r {v2.2d}, [x3]
    eor v3.16b, v2.16b, v0.16b
    cnt v3.16b, v3.16b
    uaddlp v3.8h, v3.16b
    uaddlp v3.4s, v3.8h
    uadalp v20.2d, v3.4s
    eor v4.16b, v2.16b, v1.16b
    cnt v4.16b, v4.16b
    uaddlp v4.8h, v4.16b
    uaddlp v4.4s, v4.8h
    uadalp v21.2d, v4.4s
    ld1r {v2.2d}, [x4]
    eor v3.16b, v2.16b, v0.16b
    cnt v3.16b, v3.16b
    uaddlp v3.8h, v3.16b
    uaddlp v3.4s, v3.8h
    uadalp v22.2d, v3.4s
    eor v4.16b, v2.16b, v1.16b
    cnt v4.16b, v4.16b
    uaddlp v4.8h, v4.16b
    uaddlp v4.4s, v4.8h
    uadalp v23.2d, v4.4s
    ld1r {v2.2d}, [x5]
    eor v3.16b, v2.16b, v0.16b
    cnt v3.16b, v3.16b
    uaddlp v3.8h, v3.16b
    uaddlp v3.4s, v3.8h
    uadalp v24.2d, v3.4s
    eor v4.16b, v2.16b, v1.16b
    cnt v4.16b, v4.16b
    uaddlp v4.8h, v4.16b
    uaddlp v4.4s, v4.8h
    uadalp v25.2d, v4.4s
    ld1r {v2.2d}, [x6]
    eor v3.16b, v2.16b, v0.16b
    cnt v3.16b, v3.16b
    uaddlp v3.8h, v3.16b
    uaddlp v3.4s, v3.8h
    uadalp v26.2d, v3.4s
    eor v4.16b, v2.16b, v1.16b
    cnt v4.16b, v4.16b
    uaddlp v4.8h, v4.16b
    uaddlp v4.4s, v4.8h
    uadalp v27.2d, v4.4s
    add x0, x0, #32
    add x1, x1, #8
    subs x9, x9, #1
    b.ne loop
