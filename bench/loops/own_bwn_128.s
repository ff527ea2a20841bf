// Four steps: bits of 8 filters as signs (v1, v2) x 6 broadcast positions; sums in v12-v23.
// v30, v31: the bit of each lane; v29: the sign bit.
loop:
    ld1r {v0.4s}, [x0]
    cmtst v1.4s, v0.4s, v30.4s
    cmtst v2.4s, v0.4s, v31.4s
    and v1.16b, v1.16b, v29.16b
    and v2.16b, v2.16b, v29.16b
    ld1r {v3.4s}, [x1]
    ld1r {v4.4s}, [x2]
    ld1r {v5.4s}, [x3]
    ld1r {v6.4s}, [x4]
    ld1r {v7.4s}, [x5]
    ld1r {v8.4s}, [x6]
    eor v9.16b, v3.16b, v1.16b
    eor v10.16b, v3.16b, v2.16b
    fadd v12.4s, v12.4s, v9.4s
    fadd v13.4s, v13.4s, v10.4s
    eor v9.16b, v4.16b, v1.16b
    eor v10.16b, v4.16b, v2.16b
    fadd v14.4s, v14.4s, v9.4s
    fadd v15.4s, v15.4s, v10.4s
    eor v9.16b, v5.16b, v1.16b
    eor v10.16b, v5.16b, v2.16b
    fadd v16.4s, v16.4s, v9.4s
    fadd v17.4s, v17.4s, v10.4s
    eor v9.16b, v6.16b, v1.16b
    eor v10.16b, v6.16b, v2.16b
    fadd v18.4s, v18.4s, v9.4s
    fadd v19.4s, v19.4s, v10.4s
    eor v9.16b, v7.16b, v1.16b
    eor v10.16b, v7.16b, v2.16b
    fadd v20.4s, v20.4s, v9.4s
    fadd v21.4s, v21.4s, v10.4s
    eor v9.16b, v8.16b, v1.16b
    eor v10.16b, v8.16b, v2.16b
    fadd v22.4s, v22.4s, v9.4s
    fadd v23.4s, v23.4s, v10.4s
    ld1r {v0.4s}, [x0]
    cmtst v1.4s, v0.4s, v30.4s
    cmtst v2.4s, v0.4s, v31.4s
    and v1.16b, v1.16b, v29.16b
    and v2.16b, v2.16b, v29.16b
    ld1r {v3.4s}, [x1]
    ld1r {v4.4s}, [x2]
    ld1r {v5.4s}, [x3]
    ld1r {v6.4s}, [x4]
    ld1r {v7.4s}, [x5]
    ld1r {v8.4s}, [x6]
    eor v9.16b, v3.16b, v1.16b
    eor v10.16b, v3.16b, v2.16b
    fadd v12.4s, v12.4s, v9.4s
    fadd v13.4s, v13.4s, v10.4s
    eor v9.16b, v4.16b, v1.16b
    eor v10.16b, v4.16b, v2.16b
    fadd v14.4s, v14.4s, v9.4s
    fadd v15.4s, v15.4s, v10.4s
    eor v9.16b, v5.16b, v1.16b
    eor v10.16b, v5.16b, v2.16b
    fadd v16.4s, v16.4s, v9.4s
    fadd v17.4s, v17.4s, v10.4s
    eor v9.16b, v6.16b, v1.16b
    eor v10.16b, v6.16b, v2.16b
    fadd v18.4s, v18.4s, v9.4s
    fadd v19.4s, v19.4s, v10.4s
    eor v9.16b, v7.16b, v1.16b
    eor v10.16b, v7.16b, v2.16b
    fadd v20.4s, v20.4s, v9.4s
    fadd v21.4s, v21.4s, v10.4s
    eor v9.16b, v8.16b, v1.16b
    eor v10.16b, v8.16b, v2.16b
    fadd v22.4s, v22.4s, v9.4s
    fadd v23.4s, v23.4s, v10.4s
    ld1r {v0.4s}, [x0]
    cmtst v1.4s, v0.4s, v30.4s
    cmtst v2.4s, v0.4s, v31.4s
    and v1.16b, v1.16b, v29.16b
    and v2.16b, v2.16b, v29.16b
    ld1r {v3.4s}, [x1]
    ld1r {v4.4s}, [x2]
    ld1r {v5.4s}, [x3]
    ld1r {v6.4s}, [x4]
    ld1r {v7.4s}, [x5]
    ld1r {v8.4s}, [x6]
    eor v9.16b, v3.16b, v1.16b
    eor v10.16b, v3.16b, v2.16b
    fadd v12.4s, v12.4s, v9.4s
    fadd v13.4s, v13.4s, v10.4s
    eor v9.16b, v4.16b, v1.16b
    eor v10.16b, v4.16b, v2.16b
    fadd v14.4s, v14.4s, v9.4s
    fadd v15.4s, v15.4s, v10.4s
    eor v9.16b, v5.16b, v1.16b
    eor v10.16b, v5.16b, v2.16b
    fadd v16.4s, v16.4s, v9.4s
    fadd v17.4s, v17.4s, v10.4s
    eor v9.16b, v6.16b, v1.16b
    eor v10.16b, v6.16b, v2.16b
    fadd v18.4s, v18.4s, v9.4s
    fadd v19.4s, v19.4s, v10.4s
    eor v9.16b, v7.16b, v1.16b
    eor v10.16b, v7.16b, v2.16b
    fadd v20.4s, v20.4s, v9.4s
    fadd v21.4s, v21.4s, v10.4s
    eor v9.16b, v8.16b, v1.16b
    eor v10.16b, v8.16b, v2.16b
    fadd v22.4s, v22.4s, v9.4s
    fadd v23.4s, v23.4s, v10.4s
    ld1r {v0.4s}, [x0]
    cmtst v1.4s, v0.4s, v30.4s
    cmtst v2.4s, v0.4s, v31.4s
    and v1.16b, v1.16b, v29.16b
    and v2.16b, v2.16b, v29.16b
    ld1r {v3.4s}, [x1]
    ld1r {v4.4s}, [x2]
    ld1r {v5.4s}, [x3]
    ld1r {v6.4s}, [x4]
    ld1r {v7.4s}, [x5]
    ld1r {v8.4s}, [x6]
    eor v9.16b, v3.16b, v1.16b
    eor v10.16b, v3.16b, v2.16b
    fadd v12.4s, v12.4s, v9.4s
    fadd v13.4s, v13.4s, v10.4s
    eor v9.16b, v4.16b, v1.16b
    eor v10.16b, v4.16b, v2.16b
    fadd v14.4s, v14.4s, v9.4s
    fadd v15.4s, v15.4s, v10.4s
    eor v9.16b, v5.16b, v1.16b
    eor v10.16b, v5.16b, v2.16b
    fadd v16.4s, v16.4s, v9.4s
    fadd v17.4s, v17.4s, v10.4s
    eor v9.16b, v6.16b, v1.16b
    eor v10.16b, v6.16b, v2.16b
    fadd v18.4s, v18.4s, v9.4s
    fadd v19.4s, v19.4s, v10.4s
    eor v9.16b, v7.16b, v1.16b
    eor v10.16b, v7.16b, v2.16b
    fadd v20.4s, v20.4s, v9.4s
    fadd v21.4s, v21.4s, v10.4s
    eor v9.16b, v8.16b, v1.16b
    eor v10.16b, v8.16b, v2.16b
    fadd v22.4s, v22.4s, v9.4s
    fadd v23.4s, v23.4s, v10.4s
    add x0, x0, #4
    subs x9, x9, #1
    b.ne loop
