// 6 filters x 16 positions x 2 products: sums in v8-v31.
loop:
    ldr q0, [x0, #0]
    ldr q1, [x0, #16]
    ldr q2, [x0, #32]
    ldr q3, [x0, #48]
    ld1r {v4.4s}, [x1]
    fmla v8.4s, v4.4s, v0.4s
    fmla v9.4s, v4.4s, v1.4s
    fmla v10.4s, v4.4s, v2.4s
    fmla v11.4s, v4.4s, v3.4s
    ld1r {v5.4s}, [x2]
    fmla v12.4s, v5.4s, v0.4s
    fmla v13.4s, v5.4s, v1.4s
    fmla v14.4s, v5.4s, v2.4s
    fmla v15.4s, v5.4s, v3.4s
    ld1r {v4.4s}, [x3]
    fmla v16.4s, v4.4s, v0.4s
    fmla v17.4s, v4.4s, v1.4s
    fmla v18.4s, v4.4s, v2.4s
    fmla v19.4s, v4.4s, v3.4s
    ld1r {v5.4s}, [x4]
    fmla v20.4s, v5.4s, v0.4s
    fmla v21.4s, v5.4s, v1.4s
    fmla v22.4s, v5.4s, v2.4s
    fmla v23.4s, v5.4s, v3.4s
    ld1r {v4.4s}, [x5]
    fmla v24.4s, v4.4s, v0.4s
    fmla v25.4s, v4.4s, v1.4s
    fmla v26.4s, v4.4s, v2.4s
    fmla v27.4s, v4.4s, v3.4s
    ld1r {v5.4s}, [x6]
    fmla v28.4s, v5.4s, v0.4s
    fmla v29.4s, v5.4s, v1.4s
    fmla v30.4s, v5.4s, v2.4s
    fmla v31.4s, v5.4s, v3.4s
    ldr q0, [x0, #64]
    ldr q1, [x0, #80]
    ldr q2, [x0, #96]
    ldr q3, [x0, #112]
    ld1r {v4.4s}, [x1]
    fmla v8.4s, v4.4s, v0.4s
    fmla v9.4s, v4.4s, v1.4s
    fmla v10.4s, v4.4s, v2.4s
    fmla v11.4s, v4.4s, v3.4s
    ld1r {v5.4s}, [x2]
    fmla v12.4s, v5.4s, v0.4s
    fmla v13.4s, v5.4s, v1.4s
    fmla v14.4s, v5.4s, v2.4s
    fmla v15.4s, v5.4s, v3.4s
    ld1r {v4.4s}, [x3]
    fmla v16.4s, v4.4s, v0.4s
    fmla v17.4s, v4.4s, v1.4s
    fmla v18.4s, v4.4s, v2.4s
    fmla v19.4s, v4.4s, v3.4s
    ld1r {v5.4s}, [x4]
    fmla v20.4s, v5.4s, v0.4s
    fmla v21.4s, v5.4s, v1.4s
    fmla v22.4s, v5.4s, v2.4s
    fmla v23.4s, v5.4s, v3.4s
    ld1r {v4.4s}, [x5]
    fmla v24.4s, v4.4s, v0.4s
    fmla v25.4s, v4.4s, v1.4s
    fmla v26.4s, v4.4s, v2.4s
    fmla v27.4s, v4.4s, v3.4s
    ld1r {v5.4s}, [x6]
    fmla v28.4s, v5.4s, v0.4s
    fmla v29.4s, v5.4s, v1.4s
    fmla v30.4s, v5.4s, v2.4s
    fmla v31.4s, v5.4s, v3.4s
    add x0, x0, #128
    add x1, x1, #8
    subs x9, x9, #2
    b.ne loop
