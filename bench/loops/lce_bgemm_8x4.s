// 8 filters (v0-v7) x 4 positions (v8-v11) x 128 bits; sums in v20-v23, one lane a filter.
loop:
    add x2, x2, #16
    add x2, x2, #16
    add x2, x2, #16
    add x2, x2, #16
    add x2, x2, #16
    add x2, x2, #16
    ldr q0, [x0]
    ldr q1, [x0, #16]
    ldr q2, [x0, #32]
    ldr q3, [x0, #48]
    ldr q4, [x0, #64]
    ldr q5, [x0, #80]
    ldr q6, [x0, #96]
    ldr q7, [x0, #112]
    ldr q8, [x1]
    ldr q9, [x1, #16]
    ldr q10, [x1, #32]
    ldr q11, [x1, #48]
    eor v12.16b, v0.16b, v8.16b
    eor v13.16b, v1.16b, v8.16b
    eor v14.16b, v2.16b, v8.16b
    eor v15.16b, v3.16b, v8.16b
    eor v16.16b, v4.16b, v8.16b
    eor v17.16b, v5.16b, v8.16b
    eor v18.16b, v6.16b, v8.16b
    eor v19.16b, v7.16b, v8.16b
    cnt v12.16b, v12.16b
    cnt v13.16b, v13.16b
    cnt v14.16b, v14.16b
    cnt v15.16b, v15.16b
    cnt v16.16b, v16.16b
    cnt v17.16b, v17.16b
    cnt v18.16b, v18.16b
    cnt v19.16b, v19.16b
    addp v12.16b, v12.16b, v13.16b
    addp v13.16b, v14.16b, v15.16b
    addp v14.16b, v16.16b, v17.16b
    addp v15.16b, v18.16b, v19.16b
    addp v12.16b, v12.16b, v13.16b
    addp v13.16b, v14.16b, v15.16b
    addp v12.16b, v12.16b, v13.16b
    uadalp v20.8h, v12.16b
    eor v24.16b, v0.16b, v9.16b
    eor v25.16b, v1.16b, v9.16b
    eor v26.16b, v2.16b, v9.16b
    eor v27.16b, v3.16b, v9.16b
    eor v28.16b, v4.16b, v9.16b
    eor v29.16b, v5.16b, v9.16b
    eor v30.16b, v6.16b, v9.16b
    eor v31.16b, v7.16b, v9.16b
    cnt v24.16b, v24.16b
    cnt v25.16b, v25.16b
    cnt v26.16b, v26.16b
    cnt v27.16b, v27.16b
    cnt v28.16b, v28.16b
    cnt v29.16b, v29.16b
    cnt v30.16b, v30.16b
    cnt v31.16b, v31.16b
    addp v24.16b, v24.16b, v25.16b
    addp v25.16b, v26.16b, v27.16b
    addp v26.16b, v28.16b, v29.16b
    addp v27.16b, v30.16b, v31.16b
    addp v24.16b, v24.16b, v25.16b
    addp v25.16b, v26.16b, v27.16b
    addp v24.16b, v24.16b, v25.16b
    uadalp v21.8h, v24.16b
    eor v12.16b, v0.16b, v10.16b
    eor v13.16b, v1.16b, v10.16b
    eor v14.16b, v2.16b, v10.16b
    eor v15.16b, v3.16b, v10.16b
    eor v16.16b, v4.16b, v10.16b
    eor v17.16b, v5.16b, v10.16b
    eor v18.16b, v6.16b, v10.16b
    eor v19.16b, v7.16b, v10.16b
    cnt v12.16b, v12.16b
    cnt v13.16b, v13.16b
    cnt v14.16b, v14.16b
    cnt v15.16b, v15.16b
    cnt v16.16b, v16.16b
    cnt v17.16b, v17.16b
    cnt v18.16b, v18.16b
    cnt v19.16b, v19.16b
    addp v12.16b, v12.16b, v13.16b
    addp v13.16b, v14.16b, v15.16b
    addp v14.16b, v16.16b, v17.16b
    addp v15.16b, v18.16b, v19.16b
    addp v12.16b, v12.16b, v13.16b
    addp v13.16b, v14.16b, v15.16b
    addp v12.16b, v12.16b, v13.16b
    uadalp v22.8h, v12.16b
    eor v24.16b, v0.16b, v11.16b
    eor v25.16b, v1.16b, v11.16b
    eor v26.16b, v2.16b, v11.16b
    eor v27.16b, v3.16b, v11.16b
    eor v28.16b, v4.16b, v11.16b
    eor v29.16b, v5.16b, v11.16b
    eor v30.16b, v6.16b, v11.16b
    eor v31.16b, v7.16b, v11.16b
    cnt v24.16b, v24.16b
    cnt v25.16b, v25.16b
    cnt v26.16b, v26.16b
    cnt v27.16b, v27.16b
    cnt v28.16b, v28.16b
    cnt v29.16b, v29.16b
    cnt v30.16b, v30.16b
    cnt v31.16b, v31.16b
    addp v24.16b, v24.16b, v25.16b
    addp v25.16b, v26.16b, v27.16b
    addp v26.16b, v28.16b, v29.16b
    addp v27.16b, v30.16b, v31.16b
    addp v24.16b, v24.16b, v25.16b
    addp v25.16b, v26.16b, v27.16b
    addp v24.16b, v24.16b, v25.16b
    uadalp v23.8h, v24.16b
    add x0, x0, #128
    subs x9, x9, #1
    b.ne loop
