// 4 filters (v0-v3) x 4 positions (v4-v7) x 128 bits; sums in v16-v31.
loop:
    ldr q0, [x0]
    ldr q1, [x0, #16]
    ldr q2, [x0, #32]
    ldr q3, [x0, #48]
    ldr q4, [x1]
    ldr q5, [x1, #16]
    ldr q6, [x1, #32]
    ldr q7, [x1, #48]
    eor v8.16b, v0.16b, v4.16b
    eor v9.16b, v1.16b, v4.16b
    eor v10.16b, v2.16b, v4.16b
    eor v11.16b, v3.16b, v4.16b
    cnt v8.16b, v8.16b
    cnt v9.16b, v9.16b
    cnt v10.16b, v10.16b
    cnt v11.16b, v11.16b
    uadalp v16.8h, v8.16b
    uadalp v17.8h, v9.16b
    uadalp v18.8h, v10.16b
    uadalp v19.8h, v11.16b
    eor v12.16b, v0.16b, v5.16b
    eor v13.16b, v1.16b, v5.16b
    eor v14.16b, v2.16b, v5.16b
    eor v15.16b, v3.16b, v5.16b
    cnt v12.16b, v12.16b
    cnt v13.16b, v13.16b
    cnt v14.16b, v14.16b
    cnt v15.16b, v15.16b
    uadalp v20.8h, v12.16b
    uadalp v21.8h, v13.16b
    uadalp v22.8h, v14.16b
    uadalp v23.8h, v15.16b
    eor v8.16b, v0.16b, v6.16b
    eor v9.16b, v1.16b, v6.16b
    eor v10.16b, v2.16b, v6.16b
    eor v11.16b, v3.16b, v6.16b
    cnt v8.16b, v8.16b
    cnt v9.16b, v9.16b
    cnt v10.16b, v10.16b
    cnt v11.16b, v11.16b
    uadalp v24.8h, v8.16b
    uadalp v25.8h, v9.16b
    uadalp v26.8h, v10.16b
    uadalp v27.8h, v11.16b
    eor v12.16b, v0.16b, v7.16b
    eor v13.16b, v1.16b, v7.16b
    eor v14.16b, v2.16b, v7.16b
    eor v15.16b, v3.16b, v7.16b
    cnt v12.16b, v12.16b
    cnt v13.16b, v13.16b
    cnt v14.16b, v14.16b
    cnt v15.16b, v15.16b
    uadalp v28.8h, v12.16b
    uadalp v29.8h, v13.16b
    uadalp v30.8h, v14.16b
    uadalp v31.8h, v15.16b
    add x0, x0, #64
    subs x9, x9, #1
    b.ne loop
