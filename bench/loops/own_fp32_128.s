// Four steps: two vectors of filters x 6 broadcast positions; sums in v16-v27.
loop:
    ldr q0, [x0]
    ldr q1, [x0, #16]
    ld1r {v2.4s}, [x1]
    ld1r {v3.4s}, [x2]
    ld1r {v4.4s}, [x3]
    ld1r {v5.4s}, [x4]
    ld1r {v6.4s}, [x5]
    ld1r {v7.4s}, [x6]
    fmla v16.4s, v0.4s, v2.4s
    fmla v17.4s, v1.4s, v2.4s
    fmla v18.4s, v0.4s, v3.4s
    fmla v19.4s, v1.4s, v3.4s
    fmla v20.4s, v0.4s, v4.4s
    fmla v21.4s, v1.4s, v4.4s
    fmla v22.4s, v0.4s, v5.4s
    fmla v23.4s, v1.4s, v5.4s
    fmla v24.4s, v0.4s, v6.4s
    fmla v25.4s, v1.4s, v6.4s
    fmla v26.4s, v0.4s, v7.4s
    fmla v27.4s, v1.4s, v7.4s
    ldr q8, [x0, #32]
    ldr q9, [x0, #48]
    ld1r {v10.4s}, [x1]
    ld1r {v11.4s}, [x2]
    ld1r {v12.4s}, [x3]
    ld1r {v13.4s}, [x4]
    ld1r {v14.4s}, [x5]
    ld1r {v15.4s}, [x6]
    fmla v16.4s, v8.4s, v10.4s
    fmla v17.4s, v9.4s, v10.4s
    fmla v18.4s, v8.4s, v11.4s
    fmla v19.4s, v9.4s, v11.4s
    fmla v20.4s, v8.4s, v12.4s
    fmla v21.4s, v9.4s, v12.4s
    fmla v22.4s, v8.4s, v13.4s
    fmla v23.4s, v9.4s, v13.4s
    fmla v24.4s, v8.4s, v14.4s
    fmla v25.4s, v9.4s, v14.4s
    fmla v26.4s, v8.4s, v15.4s
    fmla v27.4s, v9.4s, v15.4s
    ldr q0, [x0, #64]
    ldr q1, [x0, #80]
    ld1r {v2.4s}, [x1]
    ld1r {v3.4s}, [x2]
    ld1r {v4.4s}, [x3]
    ld1r {v5.4s}, [x4]
    ld1r {v6.4s}, [x5]
    ld1r {v7.4s}, [x6]
    fmla v16.4s, v0.4s, v2.4s
    fmla v17.4s, v1.4s, v2.4s
    fmla v18.4s, v0.4s, v3.4s
    fmla v19.4s, v1.4s, v3.4s
    fmla v20.4s, v0.4s, v4.4s
    fmla v21.4s, v1.4s, v4.4s
    fmla v22.4s, v0.4s, v5.4s
    fmla v23.4s, v1.4s, v5.4s
    fmla v24.4s, v0.4s, v6.4s
    fmla v25.4s, v1.4s, v6.4s
    fmla v26.4s, v0.4s, v7.4s
    fmla v27.4s, v1.4s, v7.4s
    ldr q8, [x0, #96]
    ldr q9, [x0, #112]
    ld1r {v10.4s}, [x1]
    ld1r {v11.4s}, [x2]
    ld1r {v12.4s}, [x3]
    ld1r {v13.4s}, [x4]
    ld1r {v14.4s}, [x5]
    ld1r {v15.4s}, [x6]
    fmla v16.4s, v8.4s, v10.4s
    fmla v17.4s, v9.4s, v10.4s
    fmla v18.4s, v8.4s, v11.4s
    fmla v19.4s, v9.4s, v11.4s
    fmla v20.4s, v8.4s, v12.4s
    fmla v21.4s, v9.4s, v12.4s
    fmla v22.4s, v8.4s, v13.4s
    fmla v23.4s, v9.4s, v13.4s
    fmla v24.4s, v8.4s, v14.4s
    fmla v25.4s, v9.4s, v14.4s
    fmla v26.4s, v8.4s, v15.4s
    fmla v27.4s, v9.4s, v15.4s
    add x0, x0, #128
    subs x9, x9, #1
    b.ne loop
